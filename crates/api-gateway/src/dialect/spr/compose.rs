//! `GET /dockerPS`: what runs of a compose service, as `docker compose ps --format json` prints it.

use std::sync::Arc;

use axum::{Json, extract::State};
use homeport_proto::docker::v1::{HealthState, InventoryContainer};
use serde_json::json;

use super::info::inventory;
use crate::{app::App, extract::Params, problem::Problem, view};

const SERVICE: &str = "com.docker.compose.service";
const PROJECT: &str = "com.docker.compose.project";
const FILES: &str = "com.docker.compose.project.config_files";

/// A text of one JSON object a line, itself a JSON string, as clients know it. Without parameters: all of them.
pub(super) async fn ps(State(app): State<Arc<App>>, params: Params) -> Result<Json<String>, Problem> {
    let (service, file) = (params.text("service"), params.text("compose_file"));
    let inventory = inventory(&app).await?;
    let lines: Vec<String> = inventory
        .containers
        .iter()
        .filter(|container| is_asked_for(container, service, file))
        .map(|container| line(container) + "\n")
        .collect();
    if lines.is_empty() { Err(Problem::not_found("no container is of this service")) } else { Ok(Json(lines.concat())) }
}

fn is_asked_for(container: &InventoryContainer, service: Option<&str>, file: Option<&str>) -> bool {
    let label = |label: &str| container.labels.get(label).map_or("", String::as_str);
    let of_file = |file: &str| {
        // Clients name it from where Homeport is installed, the engine has it from the root.
        label(FILES)
            .split(',')
            .any(|known| known == file || known.ends_with(&format!("/{}", file.trim_start_matches("./"))))
    };
    !label(SERVICE).is_empty() && service.is_none_or(|service| label(SERVICE) == service) && file.is_none_or(of_file)
}

fn line(container: &InventoryContainer) -> String {
    let label = |label: &str| container.labels.get(label).map_or("", String::as_str);
    let health = match container.health() {
        HealthState::Unspecified => "",
        HealthState::Starting => "starting",
        HealthState::Healthy => "healthy",
        HealthState::Unhealthy => "unhealthy",
    };
    json!({
        "ID": container.id,
        "Name": container.name,
        "Image": container.image,
        "Project": label(PROJECT),
        "Service": label(SERVICE),
        "State": view::state(container.state()),
        "Health": health,
    })
    .to_string()
}
