//! `POST /api/rollback`: back to what was before an operation.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::StartRollbackRequest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{envelope::Envelope, operations::not_found};
use crate::{
    app::App,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{beginning, of_updater},
};

/// Body of a rollback.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rollback {
    operation_id: Option<String>,
    container_names: Option<Vec<String>>,
    force: Option<bool>,
}

impl Rollback {
    fn original(&self) -> Result<String, Problem> {
        let original = self.operation_id.clone().filter(|id| !id.is_empty());
        original.ok_or_else(|| Problem::bad_request("operation_id is required"))
    }
}

/// Starts it.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Rollback>,
) -> Result<Envelope<Value>, Problem> {
    let original = body.original()?;
    let operation_id = back(&app, &caller, original.clone(), Vec::new(), body.force).await?;
    Ok(Envelope(json!({
        "operation_id": operation_id,
        "original_operation_id": original,
        "message": "Rollback initiated",
    })))
}

/// `POST /api/rollback/containers`: only some of the operation's containers.
pub(super) async fn containers(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Rollback>,
) -> Result<Envelope<Value>, Problem> {
    let original = body.original()?;
    let names = body.container_names.unwrap_or_default();
    if names.is_empty() {
        return Err(Problem::bad_request("container_names array is required"));
    }
    let operation_id = back(&app, &caller, original, names, body.force).await?;
    Ok(Envelope(json!({ "operation_id": operation_id, "message": "Per-container rollback initiated" })))
}

async fn back(
    app: &App,
    caller: &Caller,
    operation_id: String,
    containers: Vec<String>,
    force: Option<bool>,
) -> Result<String, Problem> {
    let force = force.unwrap_or_default();
    let request = StartRollbackRequest { operation_id, force, requested_by: caller.name().to_owned(), containers };
    let mut updates = app.upstream.updates();
    let started = app.finish(async move { of_updater(updates.start_rollback(beginning(request)).await) }).await;
    let started = started.map_err(|problem| {
        // Clients know it as that, and offer force for it.
        if problem.message().contains("pre-update check failed") {
            return problem.with_kind(Kind::Internal);
        }
        not_found(problem)
    });
    Ok(started?.operation_id)
}
