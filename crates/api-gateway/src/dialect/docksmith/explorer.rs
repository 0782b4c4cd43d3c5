//! `GET /api/explorer`, and each of its lists by itself: what there is.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use homeport_proto::docker::v1::{
    GetInventoryRequest, GetInventoryResponse, HealthState, InventoryContainer, InventoryImage, InventoryNetwork,
    InventoryVolume,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    problem::Problem,
    upstream::{of_docker, within},
    view,
};

/// A host with a thousand containers takes the engine a second or two.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);
/// Compose's own label.
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// Everything.
pub(super) async fn all(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let inventory = inventory(&app).await?;
    let containers: Vec<Item<'_>> = inventory.containers.iter().map(Item::new).collect();
    let mut stacks: BTreeMap<&str, Vec<&Item<'_>>> = BTreeMap::new();
    for item in &containers {
        if let Some(stack) = item.stack {
            stacks.entry(stack).or_default().push(item);
        }
    }
    Ok(Envelope(json!({
        "container_stacks": stacks,
        "standalone_containers": containers.iter().filter(|item| item.stack.is_none()).collect::<Vec<_>>(),
        "containers": containers,
        "images": inventory.images.iter().map(Image::new).collect::<Vec<_>>(),
        "networks": inventory.networks.iter().map(Network::new).collect::<Vec<_>>(),
        "volumes": inventory.volumes.iter().map(Volume::new).collect::<Vec<_>>(),
    })))
}

/// `GET /api/images`
pub(super) async fn images(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let list = inventory(&app).await?.images;
    Ok(Envelope(json!({ "images": list.iter().map(Image::new).collect::<Vec<_>>(), "count": list.len() })))
}

/// `GET /api/networks`
pub(super) async fn networks(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let list = inventory(&app).await?.networks;
    Ok(Envelope(json!({ "networks": list.iter().map(Network::new).collect::<Vec<_>>(), "count": list.len() })))
}

/// `GET /api/volumes`
pub(super) async fn volumes(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let list = inventory(&app).await?.volumes;
    Ok(Envelope(json!({ "volumes": list.iter().map(Volume::new).collect::<Vec<_>>(), "count": list.len() })))
}

async fn inventory(app: &App) -> Result<GetInventoryResponse, Problem> {
    of_docker(app.upstream.observe().get_inventory(within(LIMIT, GetInventoryRequest {})).await)
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    id: &'a str,
    name: &'a str,
    image: &'a str,
    state: &'static str,
    health_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<&'a str>,
    created: i64,
    networks: &'a [String],
    /// One of Homeport's own processes, which cannot be worked on.
    is_own: bool,
}

#[derive(Debug, Serialize)]
struct Image<'a> {
    id: &'a str,
    tags: &'a [String],
    size: u64,
    created: i64,
    in_use: bool,
    dangling: bool,
    /// Homeport keeps it for the way back from an update.
    kept: bool,
}

#[derive(Debug, Serialize)]
struct Network<'a> {
    id: &'a str,
    name: &'a str,
    driver: &'a str,
    scope: &'a str,
    containers: &'a [String],
    is_default: bool,
    created: i64,
}

#[derive(Debug, Serialize)]
struct Volume<'a> {
    name: &'a str,
    driver: &'a str,
    mount_point: &'a str,
    containers: &'a [String],
    /// -1: not known.
    size: i64,
    created: i64,
    /// Homeport keeps a copy of data in it.
    kept: bool,
}

impl<'a> Item<'a> {
    fn new(container: &'a InventoryContainer) -> Self {
        Self {
            id: &container.id,
            name: &container.name,
            image: &container.image,
            state: view::state(container.state()),
            health_status: health(container.health()),
            stack: container.labels.get(PROJECT_LABEL).map(String::as_str).filter(|stack| !stack.is_empty()),
            created: created(container.created_at.as_ref()),
            networks: &container.networks,
            is_own: container.is_own,
        }
    }
}

impl<'a> Image<'a> {
    fn new(image: &'a InventoryImage) -> Self {
        Self {
            id: &image.id,
            tags: &image.repo_tags,
            size: image.size_bytes,
            created: created(image.created_at.as_ref()),
            in_use: image.in_use,
            dangling: image.dangling,
            kept: image.kept,
        }
    }
}

impl<'a> Network<'a> {
    fn new(network: &'a InventoryNetwork) -> Self {
        Self {
            id: &network.id,
            name: &network.name,
            driver: &network.driver,
            scope: &network.scope,
            containers: &network.containers,
            is_default: network.is_default,
            created: created(network.created_at.as_ref()),
        }
    }
}

impl<'a> Volume<'a> {
    fn new(volume: &'a InventoryVolume) -> Self {
        Self {
            name: &volume.name,
            driver: &volume.driver,
            mount_point: &volume.mount_point,
            containers: &volume.containers,
            size: volume.size_bytes.map_or(-1, |size| i64::try_from(size).unwrap_or(i64::MAX)),
            created: created(volume.created_at.as_ref()),
            kept: volume.kept,
        }
    }
}

fn created(time: Option<&prost_types::Timestamp>) -> i64 {
    view::unix(time).unwrap_or_default()
}

const fn health(health: HealthState) -> &'static str {
    match health {
        HealthState::Unspecified => "none",
        HealthState::Starting => "starting",
        HealthState::Healthy => "healthy",
        HealthState::Unhealthy => "unhealthy",
    }
}
