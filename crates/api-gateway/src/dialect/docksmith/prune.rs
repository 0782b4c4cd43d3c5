//! `POST /api/prune/…`: what nothing uses goes. `?dry_run=true` says first what that would be.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use homeport_proto::{
    docker::v1::{self as docker, PrunedResource, ResourceKind},
    updater::v1::PruneRequest,
};
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    extract::Params,
    gate::Caller,
    problem::Problem,
    upstream::{of_updater, within},
};

/// Hundreds of images take the engine minutes.
const LIMIT: Duration = Duration::from_secs(600);

/// `POST /api/prune/containers`
pub(super) async fn containers(State(app): State<Arc<App>>, caller: Caller, params: Params) -> Answer {
    one(&app, &caller, &params, ResourceKind::Container, "containers").await
}

/// `POST /api/prune/images`: those without a tag, with `?all=true` every one that no container was made from.
pub(super) async fn images(State(app): State<Arc<App>>, caller: Caller, params: Params) -> Answer {
    one(&app, &caller, &params, ResourceKind::Image, "images").await
}

/// `POST /api/prune/networks`
pub(super) async fn networks(State(app): State<Arc<App>>, caller: Caller, params: Params) -> Answer {
    one(&app, &caller, &params, ResourceKind::Network, "networks").await
}

/// `POST /api/prune/volumes`: those without a name of their own, with `?all=true` the others too.
pub(super) async fn volumes(State(app): State<Arc<App>>, caller: Caller, params: Params) -> Answer {
    one(&app, &caller, &params, ResourceKind::Volume, "volumes").await
}

/// `POST /api/prune/system`: containers, networks and images, with `?volumes=true` also volumes.
pub(super) async fn system(State(app): State<Arc<App>>, caller: Caller, params: Params) -> Answer {
    let mut kinds = vec![ResourceKind::Container, ResourceKind::Network, ResourceKind::Image];
    if params.flag("volumes") {
        kinds.push(ResourceKind::Volume);
    }
    let pruned = prune(&app, &caller, &params, &kinds).await?;
    let (dry_run, count) = (params.flag("dry_run"), pruned.resources.len());
    let would = if dry_run { " would be" } else { "" };
    let mut data = json!({
        "message": format!("System prune completed: {count} items{would} removed"),
        "space_reclaimed": pruned.space_reclaimed_bytes,
        "dry_run": dry_run,
        "items": items(&pruned.resources),
    });
    for (kind, name) in [
        (ResourceKind::Container, "containers_deleted"),
        (ResourceKind::Image, "images_deleted"),
        (ResourceKind::Network, "networks_deleted"),
        (ResourceKind::Volume, "volumes_deleted"),
    ] {
        let ids = ids(&pruned.resources, kind);
        data[format!("{name}_count")] = ids.len().into();
        data[name] = ids.into();
    }
    Ok(Envelope(data))
}

type Answer = Result<Envelope<Value>, Problem>;

async fn one(app: &App, caller: &Caller, params: &Params, kind: ResourceKind, name: &str) -> Answer {
    let pruned = prune(app, caller, params, &[kind]).await?;
    let (dry_run, ids) = (params.flag("dry_run"), ids(&pruned.resources, kind));
    let done = if dry_run { "Would prune" } else { "Pruned" };
    let mut data = json!({
        "message": format!("{done} {} {name}", ids.len()),
        "items_deleted": ids,
        "dry_run": dry_run,
        "items": items(&pruned.resources),
    });
    if kind != ResourceKind::Network {
        data["space_reclaimed"] = pruned.space_reclaimed_bytes.into();
    }
    Ok(Envelope(data))
}

async fn prune(
    app: &App,
    caller: &Caller,
    params: &Params,
    kinds: &[ResourceKind],
) -> Result<docker::PruneResponse, Problem> {
    let what = docker::PruneRequest {
        kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        tagged_images: params.flag("all"),
        named_volumes: params.flag("all"),
        dry_run: params.flag("dry_run"),
        protected_containers: Vec::new(),
        requested_by: caller.name().to_owned(),
    };
    let mut actions = app.upstream.actions();
    let request = within(LIMIT, PruneRequest { what: Some(what) });
    let pruned = app.finish(async move { of_updater(actions.prune(request).await) }).await?;
    Ok(pruned.went.unwrap_or_default())
}

fn ids(resources: &[PrunedResource], kind: ResourceKind) -> Vec<&str> {
    resources.iter().filter(|one| one.kind() == kind).map(|one| one.id.as_str()).collect()
}

/// With names and sizes, for whoever has to agree first.
fn items(resources: &[PrunedResource]) -> Vec<Value> {
    let item = |one: &PrunedResource| {
        let kind = match one.kind() {
            ResourceKind::Unspecified | ResourceKind::Container => "container",
            ResourceKind::Image => "image",
            ResourceKind::Network => "network",
            ResourceKind::Volume => "volume",
        };
        json!({ "type": kind, "id": one.id, "name": one.name, "size": one.size_bytes })
    };
    resources.iter().map(item).collect()
}
