//! `DELETE /api/images/{id}`, `/api/networks/{id}`, `/api/volumes/{name}`.

use std::{sync::Arc, time::Duration};

use axum::extract::{Path, State};
use homeport_proto::docker::v1::{RemoveImageRequest, RemoveNetworkRequest, RemoveVolumeRequest, RemovedImage};
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    extract::Params,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{of_docker, within},
};

/// Removing the layers of a large image takes the engine a while.
const LIMIT: Duration = Duration::from_secs(120);

/// An image, or one of its tags. Its name may hold slashes.
pub(super) async fn image(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(image): Path<String>,
    params: Params,
) -> Result<Envelope<Value>, Problem> {
    let request = RemoveImageRequest { image, force: params.flag("force"), requested_by: caller.name().to_owned() };
    let mut upkeep = app.upstream.upkeep();
    let removed = app.finish(async move { of_docker(upkeep.remove_image(within(LIMIT, request)).await) });
    let removed = removed.await.map_err(|problem| as_docker_says(problem, "image"))?.removed;
    let deleted: Vec<Value> = removed.iter().map(change).collect();
    Ok(Envelope(json!({ "message": "Image removed successfully", "deleted": deleted })))
}

/// A network.
pub(super) async fn network(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(network): Path<String>,
) -> Result<Envelope<Value>, Problem> {
    let request = RemoveNetworkRequest { network, requested_by: caller.name().to_owned() };
    let mut upkeep = app.upstream.upkeep();
    let removed = app.finish(async move { of_docker(upkeep.remove_network(within(LIMIT, request)).await) });
    removed.await.map_err(|problem| as_docker_says(problem, "network"))?;
    Ok(Envelope(json!({ "message": "Network removed successfully" })))
}

/// A volume, with its data.
pub(super) async fn volume(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(volume): Path<String>,
    params: Params,
) -> Result<Envelope<Value>, Problem> {
    let request = RemoveVolumeRequest { volume, force: params.flag("force"), requested_by: caller.name().to_owned() };
    let mut upkeep = app.upstream.upkeep();
    let removed = app.finish(async move { of_docker(upkeep.remove_volume(within(LIMIT, request)).await) });
    removed.await.map_err(|problem| as_docker_says(problem, "volume"))?;
    Ok(Envelope(json!({ "message": "Volume removed successfully" })))
}

/// What is missing is a 404; whatever else the engine refuses is a 500 with its words, as clients know it.
fn as_docker_says(problem: Problem, what: &str) -> Problem {
    match problem.kind() {
        Kind::NotFound => {
            let text = format!("{what} not found: {}", problem.message());
            problem.with_message(text)
        }
        Kind::BadRequest | Kind::Conflict => problem.with_kind(Kind::Internal),
        _ => problem,
    }
}

fn change(removed: &RemovedImage) -> Value {
    if removed.deleted.is_empty() {
        json!({ "Untagged": removed.untagged })
    } else {
        json!({ "Deleted": removed.deleted })
    }
}
