//! `GET /api/labels/{container}`: what a running container is labelled with.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::docker::v1::GetContainerRequest;
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope};
use crate::{app::App, problem::Problem, upstream::of_docker};

/// All of them, also those of its image.
pub(super) async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Envelope<Value>, Problem> {
    let answer = app.upstream.containers().get_container(GetContainerRequest { container: name.clone() }).await;
    let container = of_docker(answer).map_err(|problem| not_found(problem, &name))?.container.unwrap_or_default();
    Ok(Envelope(json!({ "container": container.name, "labels": container.labels, "source": "container_labels" })))
}
