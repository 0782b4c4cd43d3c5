//! `POST /api/rollback`: back to what was before an operation.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::StartRollbackRequest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{envelope::Envelope, operations::not_found};
use crate::{app::App, extract::Json, gate::Caller, problem::Problem, upstream::of_updater};

/// Body of a rollback.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rollback {
    operation_id: Option<String>,
    force: Option<bool>,
}

/// Starts it.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Rollback>,
) -> Result<Envelope<Value>, Problem> {
    let original = body.operation_id.filter(|id| !id.is_empty());
    let original = original.ok_or_else(|| Problem::bad_request("operation_id is required"))?;
    let request = StartRollbackRequest {
        operation_id: original.clone(),
        force: body.force.unwrap_or_default(),
        requested_by: caller.name().to_owned(),
    };
    let mut updates = app.upstream.updates();
    let started = app.finish(async move { of_updater(updates.start_rollback(request).await) }).await;
    let started = started.map_err(not_found)?;
    Ok(Envelope(json!({
        "operation_id": started.operation_id,
        "original_operation_id": original,
        "message": "Rollback initiated",
    })))
}
