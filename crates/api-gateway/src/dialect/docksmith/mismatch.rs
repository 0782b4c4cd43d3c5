//! `POST /api/fix-compose-mismatch/{name}`: a container and its compose file come to say the same.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::updater::v1::FixMismatchRequest;
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope};
use crate::{
    app::App,
    extract::Params,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{beginning, of_updater},
};

/// Starts it. What cannot be fixed is a 500, as clients know it.
pub(super) async fn fix(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Result<Envelope<Value>, Problem> {
    let request = FixMismatchRequest {
        container: name.clone(),
        force: params.flag("force"),
        requested_by: caller.name().to_owned(),
    };
    let mut pipelines = app.upstream.pipelines();
    let started = app.finish(async move { of_updater(pipelines.fix_mismatch(beginning(request)).await) }).await;
    let started = started.map_err(|problem| match problem.kind() {
        Kind::BadRequest => problem.with_kind(Kind::Internal),
        _ => not_found(problem, &name),
    })?;
    Ok(Envelope(json!({
        "operation_id": started.operation_id,
        "container_name": started.container_name,
        "status": "started",
        "message": format!("Fixing compose mismatch for {}", started.container_name),
    })))
}
