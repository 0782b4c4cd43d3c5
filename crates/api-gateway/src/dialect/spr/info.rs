//! `GET /info/{name}`: the machine and what runs on it.

mod users;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use homeport_proto::docker::v1::{GetInventoryRequest, GetInventoryResponse};
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    problem::{Kind, Problem},
    upstream::{of_docker, within},
    view,
};

/// A host with a thousand containers takes the engine a second or two.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);
/// The kernel's figures are the host's, also inside a container.
const UPTIME: &str = "/proc/uptime";
const LOAD: &str = "/proc/loadavg";
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// `uptime`, `docker`, `dockernetworks` or `hostname`.
pub(super) async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    match name.as_str() {
        "uptime" => uptime().await.map(Json),
        "hostname" => read(HOSTNAME).await.map(|name| Json(name.trim().into())),
        "docker" => Ok(Json(inventory(&app).await?.containers.iter().map(container).collect())),
        "dockernetworks" => Ok(Json(networks(&inventory(&app).await?))),
        _ => Err(Problem::bad_request(format!("{name:?} is none of uptime, docker, dockernetworks, hostname"))),
    }
}

pub(super) async fn inventory(app: &App) -> Result<GetInventoryResponse, Problem> {
    of_docker(app.upstream.observe().get_inventory(within(LIMIT, GetInventoryRequest {})).await)
}

async fn uptime() -> Result<Value, Problem> {
    let (uptime, load, users) = (read(UPTIME).await?, read(LOAD).await?, users::signed_in().await);
    let seconds = uptime.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    let mut loads = load.split_whitespace().map_while(|text| text.parse::<f64>().ok());
    let mut load = || loads.next().unwrap_or_default();
    Ok(json!({
        "uptime_total_seconds": seconds.unwrap_or_default(),
        "load_1m": load(),
        "load_5m": load(),
        "load_15m": load(),
        "users": users,
    }))
}

async fn read(path: &str) -> Result<String, Problem> {
    tokio::fs::read_to_string(path).await.map_err(|error| {
        tracing::error!(error = %error, path, "the kernel does not say");
        Problem::new(Kind::Internal, "an internal error; the log has the details")
    })
}

/// A container with the keys of the engine's own list.
fn container(container: &homeport_proto::docker::v1::InventoryContainer) -> Value {
    let networks: Map<String, Value> = container.networks.iter().map(|name| (name.clone(), json!({}))).collect();
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": container.image,
        "ImageID": container.image_id,
        "Created": view::unix(container.created_at.as_ref()).unwrap_or_default(),
        "State": view::state(container.state()),
        "Labels": container.labels,
        "NetworkSettings": { "Networks": networks },
    })
}

fn networks(inventory: &GetInventoryResponse) -> Value {
    let network = |network: &homeport_proto::docker::v1::InventoryNetwork| {
        let members: Map<String, Value> = inventory
            .containers
            .iter()
            .filter(|container| network.containers.contains(&container.name))
            .map(|container| (container.id.clone(), json!({ "Name": container.name })))
            .collect();
        json!({
            "Id": network.id,
            "Name": network.name,
            "Driver": network.driver,
            "Scope": network.scope,
            "Created": view::time(network.created_at.as_ref()),
            "Containers": members,
        })
    };
    inventory.networks.iter().map(network).collect()
}
