//! `/api/labels…`: what containers are labelled with, and how that is changed.

mod body;

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::{
    docker::v1::GetContainerRequest,
    updater::v1::{ChangeLabelsRequest, ChangeManyLabelsRequest, LabelResult, RollBackLabelsRequest},
};
use serde_json::{Map, Value, json};

use body::{Batch, Rollback, Set};

use super::{check::not_found, envelope::Envelope};
use crate::{
    app::App,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{beginning, of_docker, of_updater},
};

/// Changes in one request at most; no server has as many containers.
const MAX_CHANGES: usize = 1000;

/// All of them, also those of its image.
pub(super) async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Envelope<Value>, Problem> {
    let answer = app.upstream.containers().get_container(GetContainerRequest { container: name.clone() }).await;
    let container = of_docker(answer).map_err(|problem| not_found(problem, &name))?.container.unwrap_or_default();
    Ok(Envelope(json!({ "container": container.name, "labels": container.labels, "source": "container_labels" })))
}

/// Sets labels, or takes those away whose value is `false` or empty.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Set>,
) -> Result<Envelope<Value>, Problem> {
    change(&app, &caller, body.set()?).await
}

/// Takes labels away.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Set>,
) -> Result<Envelope<Value>, Problem> {
    change(&app, &caller, body.remove()?).await
}

/// Changes the labels of several containers.
pub(super) async fn batch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Batch>,
) -> Result<Envelope<Value>, Problem> {
    let operations = body.operations.unwrap_or_default();
    if operations.is_empty() {
        return Err(Problem::bad_request("no operations specified"));
    }
    if operations.len() > MAX_CHANGES {
        return Err(Problem::bad_request(format!("at most {MAX_CHANGES} changes in one request")));
    }
    // What makes no sense is answered by itself and holds up no other.
    let read: Vec<Result<ChangeLabelsRequest, Value>> = operations.into_iter().map(Set::in_batch).collect();
    let changes: Vec<ChangeLabelsRequest> = read.iter().filter_map(|one| one.as_ref().ok()).cloned().collect();
    let request = ChangeManyLabelsRequest { changes, requested_by: caller.name().to_owned() };
    let mut pipelines = app.upstream.pipelines();
    let done = app.finish(async move { of_updater(pipelines.change_many_labels(beginning(request)).await) }).await?;
    let mut results = done.results.iter().map(result);
    let results: Vec<Value> = read.into_iter().filter_map(|one| one.map_or_else(Some, |_| results.next())).collect();
    Ok(Envelope(json!({ "results": results, "batch_group_id": done.batch_group_id })))
}

/// Brings back what labels were before.
pub(super) async fn rollback(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Rollback>,
) -> Result<Envelope<Value>, Problem> {
    let request = RollBackLabelsRequest { requested_by: caller.name().to_owned(), ..body.request()? };
    let mut pipelines = app.upstream.pipelines();
    let done = app.finish(async move { of_updater(pipelines.roll_back_labels(beginning(request)).await) }).await?;
    let results: Vec<Value> = done.results.iter().map(result).collect();
    Ok(Envelope(json!({ "results": results, "batch_group_id": done.batch_group_id })))
}

async fn change(app: &App, caller: &Caller, mut request: ChangeLabelsRequest) -> Result<Envelope<Value>, Problem> {
    caller.name().clone_into(&mut request.requested_by);
    let (changes, no_restart, name) = (request.changes.clone(), request.no_restart, request.container.clone());
    let mut pipelines = app.upstream.pipelines();
    let started = app.finish(async move { of_updater(pipelines.change_labels(beginning(request)).await) }).await;
    let started = started.map_err(|problem| {
        if problem.message().contains("is not managed by docker compose") {
            return problem.with_kind(Kind::Internal);
        }
        not_found(problem, &name)
    })?;
    let set = changes.iter().filter(|change| !change.remove);
    let modified: Map<String, Value> = set.map(|change| (change.name.clone(), change.value.clone().into())).collect();
    let removed: Vec<&str> = changes.iter().filter(|change| change.remove).map(|change| change.name.as_str()).collect();
    let mut value = json!({
        "success": true,
        "container": started.container_name,
        "operation": if modified.is_empty() { "remove" } else { "set" },
        "operation_id": started.operation_id,
        "labels_modified": modified,
        "compose_file": started.compose_file,
        "restarted": false,
        "no_restart": no_restart,
        "pre_check_ran": false,
        "message": "Operation started",
    });
    if !removed.is_empty() {
        value["labels_removed"] = removed.into();
    }
    Ok(Envelope(value))
}

fn result(result: &LabelResult) -> Value {
    let mut value = json!({ "container": result.container, "success": result.error.is_empty() });
    if !result.error.is_empty() {
        value["error"] = result.error.as_str().into();
    }
    if !result.operation_id.is_empty() {
        value["operation_id"] = result.operation_id.as_str().into();
    }
    value
}
