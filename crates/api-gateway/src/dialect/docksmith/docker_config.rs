//! `GET /api/docker-config`: which registries Docker's own configuration knows credentials for. Never the credentials.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::docker::v1::{GetEngineRequest, ListRegistriesRequest};
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{app::App, problem::Problem, upstream::of_docker};

/// How the original shows Docker Hub.
const DOCKER_HUB: &str = "Docker Hub (index.docker.io)";

/// Asks docker-agent.
pub(super) async fn get(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let (mut credentials, mut engine) = (app.upstream.credentials(), app.upstream.engine());
    let (registries, engine) =
        tokio::join!(credentials.list_registries(ListRegistriesRequest {}), engine.get_engine(GetEngineRequest {}));
    let registries = shown(&of_docker(registries)?.registries);
    let in_docker = of_docker(engine).is_ok_and(|engine| !engine.own_container_id.is_empty());
    // Where the file lies is docker-agent's own affair; clients show it as a text only.
    let mut document =
        json!({ "registries": registries, "config_path": "config.json", "running_in_docker": in_docker });
    if let Some(path) = &app.config.docksmith.host_config_path {
        document["host_config_path"] = json!(path);
    }
    Ok(Envelope(document))
}

/// Docker Hub's entries, of which a configuration often has several, become one.
fn shown(registries: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for registry in registries {
        let host = registry.trim_start_matches("https://").split('/').next().unwrap_or(registry);
        let name = match host {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            _ => registry,
        };
        if !shown.iter().any(|known| known == name) {
            shown.push(name.to_owned());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_named_once() {
        let registries = ["https://index.docker.io/v1/", "https://index.docker.io/v1/access-token", "ghcr.io"];
        assert_eq!(shown(&registries.map(str::to_owned)), [DOCKER_HUB, "ghcr.io"]);
    }
}
