//! `GET /api/operations` and below: what is being done, and what was.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use homeport_proto::updater::v1::{
    GetOperationRequest, ListOperationsRequest, ListOperationsResponse, Operation, OperationDetail, OperationStatus,
    OperationType,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    extract::Params,
    problem::{Kind, Problem},
    upstream::of_updater,
    view,
};

const USUAL_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 500;

/// Finished operations, newest first, a page at a time.
pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Result<Response, Problem> {
    let page = match request(&params) {
        Some(request) => of_updater(app.upstream.operations().list_operations(request).await)?,
        None => ListOperationsResponse::default(),
    };
    let operations: Vec<View<'_>> = page.operations.iter().map(View::new).collect();
    if params.text("format") == Some("array") {
        return Ok(Envelope(operations).into_response());
    }
    let mut data = json!({
        "count": operations.len(),
        "has_more": !page.next_cursor.is_empty(),
        "operations": operations,
    });
    if !page.next_cursor.is_empty() {
        data["next_cursor"] = page.next_cursor.into();
    }
    Ok(Envelope(data).into_response())
}

/// One operation, whatever its status.
pub(super) async fn get(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let answer = app.upstream.operations().get_operation(GetOperationRequest { operation_id: id }).await;
    let operation = of_updater(answer).map_err(not_found)?.operation;
    let operation = operation.ok_or_else(|| Problem::not_found("operation not found"))?;
    Ok(Envelope(View::new(&operation)).into_response())
}

/// The operations of one batch, oldest first. A group that nobody knows has none.
pub(super) async fn group(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Envelope<Value>, Problem> {
    // A batch has one operation a stack; no server has as many stacks as a page has places.
    let request = ListOperationsRequest {
        limit: MAX_LIMIT,
        statuses: every_status(),
        batch_group_id: id.clone(),
        ..Default::default()
    };
    let mut found = of_updater(app.upstream.operations().list_operations(request).await)?.operations;
    found.sort_by_key(|operation| operation.id);
    let operations: Vec<View<'_>> = found.iter().map(View::new).collect();
    Ok(Envelope(json!({ "batch_group_id": id, "count": operations.len(), "operations": operations })))
}

/// The text that clients know.
pub(super) fn not_found(problem: Problem) -> Problem {
    match problem.kind() {
        Kind::NotFound => problem.with_message("operation not found"),
        _ => problem,
    }
}

/// The question for the updater. `None`: nothing can match.
fn request(params: &Params) -> Option<ListOperationsRequest> {
    let statuses = match params.text("status") {
        None => Vec::new(),
        Some("queued") => vec![OperationStatus::Queued],
        // The original leaves an update `validating` for its whole run.
        Some("in_progress" | "validating") => vec![OperationStatus::InProgress],
        Some("pending_restart") => vec![OperationStatus::PendingRestart],
        Some("complete") => vec![OperationStatus::Complete],
        Some("failed") => vec![OperationStatus::Failed],
        Some(_) => return None,
    };
    let types = match params.text("type") {
        None => Vec::new(),
        Some("updates" | "update") => vec![OperationType::Single, OperationType::Batch],
        Some("single") => vec![OperationType::Single],
        Some("batch") => vec![OperationType::Batch],
        Some("rollback") => vec![OperationType::Rollback],
        Some("label_change") => vec![OperationType::LabelChange],
        Some("fix_mismatch") => vec![OperationType::FixMismatch],
        Some("start") => vec![OperationType::Start],
        Some("stop") => vec![OperationType::Stop],
        Some("restart") => vec![OperationType::Restart],
        Some("remove") => vec![OperationType::Remove],
        Some("pause") => vec![OperationType::Pause],
        Some("unpause") => vec![OperationType::Unpause],
        Some("kill") => vec![OperationType::Kill],
        Some(_) => return None,
    };
    Some(ListOperationsRequest {
        limit: params.count("limit", USUAL_LIMIT, MAX_LIMIT),
        cursor: params.text("cursor").unwrap_or_default().to_owned(),
        statuses: statuses.into_iter().map(i32::from).collect(),
        container: params.text("container").unwrap_or_default().to_owned(),
        types: types.into_iter().map(i32::from).collect(),
        started_after: params.text("date_from").and_then(view::parse_time),
        started_before: params.text("date_to").and_then(view::parse_time),
        batch_group_id: String::new(),
    })
}

fn every_status() -> Vec<i32> {
    use OperationStatus::{Complete, Failed, InProgress, PendingRestart, Queued};
    [Queued, InProgress, PendingRestart, Complete, Failed].into_iter().map(i32::from).collect()
}

/// `UpdateOperation`.
#[derive(Debug, Serialize)]
struct View<'a> {
    id: i64,
    operation_id: &'a str,
    container_id: &'a str,
    container_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    stack_name: &'a str,
    operation_type: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    old_version: &'a str,
    new_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    error_message: &'a str,
    dependents_affected: &'a [String],
    rollback_occurred: bool,
    batch_details: Vec<Detail<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    batch_group_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    // Homeport's own.
    #[serde(skip_serializing_if = "str::is_empty")]
    stage: &'a str,
    percent: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    requested_by: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    rollback_of: &'a str,
}

/// `BatchDetail`.
#[derive(Debug, Serialize)]
struct Detail<'a> {
    container_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    stack_name: &'a str,
    old_version: &'a str,
    new_version: &'a str,
    change_type: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    old_resolved_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    new_resolved_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    old_digest: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

impl<'a> View<'a> {
    fn new(operation: &'a Operation) -> Self {
        Self {
            id: operation.id,
            operation_id: &operation.operation_id,
            container_id: &operation.container_id,
            container_name: &operation.container_name,
            stack_name: &operation.stack_name,
            operation_type: match operation.r#type() {
                OperationType::Single | OperationType::Unspecified => "single",
                OperationType::Batch => "batch",
                OperationType::Rollback => "rollback",
                OperationType::LabelChange => "label_change",
                OperationType::FixMismatch => "fix_mismatch",
                OperationType::Start => "start",
                OperationType::Stop => "stop",
                OperationType::Restart => "restart",
                OperationType::Remove => "remove",
                OperationType::Pause => "pause",
                OperationType::Unpause => "unpause",
                OperationType::Kill => "kill",
            },
            status: match operation.status() {
                OperationStatus::Queued | OperationStatus::Unspecified => "queued",
                OperationStatus::InProgress => "in_progress",
                OperationStatus::PendingRestart => "pending_restart",
                OperationStatus::Complete => "complete",
                OperationStatus::Failed => "failed",
            },
            old_version: &operation.old_version,
            new_version: &operation.new_version,
            started_at: view::time(operation.started_at.as_ref()),
            completed_at: view::time(operation.completed_at.as_ref()),
            error_message: &operation.error_message,
            dependents_affected: &operation.dependents_affected,
            rollback_occurred: operation.rollback_occurred,
            batch_details: operation.details.iter().map(Detail::new).collect(),
            batch_group_id: &operation.batch_group_id,
            created_at: view::time(operation.created_at.as_ref()),
            updated_at: view::time(operation.updated_at.as_ref()),
            stage: &operation.stage,
            percent: operation.percent,
            requested_by: &operation.requested_by,
            rollback_of: &operation.rollback_of,
        }
    }
}

impl<'a> Detail<'a> {
    fn new(detail: &'a OperationDetail) -> Self {
        Self {
            container_name: &detail.container_name,
            stack_name: &detail.stack_name,
            old_version: &detail.old_version,
            new_version: &detail.new_version,
            change_type: detail.change_type,
            old_resolved_version: &detail.old_resolved_version,
            new_resolved_version: &detail.new_resolved_version,
            old_digest: &detail.old_digest,
            status: &detail.status,
            message: &detail.message,
        }
    }
}
