//! The updater's messages ↔ what it works with.

use homeport_proto::updater::v1 as wire;
use jiff::Timestamp;
use prost_types::Timestamp as WireTime;

use crate::{
    error::UpdateError,
    operations::{BatchAnswer, BatchItem, UpdateRequest},
    store::{Detail, DetailStatus, Filter, Kind, Operation, Status},
};

/// Most operations on one page.
const PAGE_LIMIT: u32 = 500;
/// Operations on a page that says no number.
const PAGE_DEFAULT: u32 = 20;

impl From<wire::start_batch_request::BatchItem> for BatchItem {
    fn from(wire: wire::start_batch_request::BatchItem) -> Self {
        Self {
            update: UpdateRequest {
                container: wire.container,
                version: some(wire.target_version),
                force: wire.force,
                requested_by: String::new(),
                plan_hash: wire.plan_hash,
                script: String::new(),
                rehearse: wire.rehearse,
            },
            change_type: wire.change_type,
            old_resolved_version: wire.old_resolved_version,
            new_resolved_version: wire.new_resolved_version,
            stack: wire.stack,
        }
    }
}

impl From<BatchAnswer> for wire::start_batch_response::BatchOperation {
    fn from(answer: BatchAnswer) -> Self {
        Self { stack: answer.stack, containers: answer.containers, operation_id: answer.operation, error: answer.error }
    }
}

impl TryFrom<wire::ListOperationsRequest> for Filter {
    type Error = UpdateError;

    fn try_from(wire: wire::ListOperationsRequest) -> Result<Self, UpdateError> {
        let cursor =
            some(wire.cursor.clone()).map(|text| parse_cursor(&text).ok_or(UpdateError::BadCursor)).transpose()?;
        Ok(Self {
            statuses: wire.statuses().filter_map(status).collect(),
            kinds: wire.types().filter_map(kind).collect(),
            after: wire.started_after.map(|time| timestamp(time, "started_after")).transpose()?,
            before: wire.started_before.map(|time| timestamp(time, "started_before")).transpose()?,
            limit: if wire.limit == 0 { PAGE_DEFAULT } else { wire.limit.min(PAGE_LIMIT) },
            container: wire.container,
            group: wire.batch_group_id,
            cursor,
        })
    }
}

impl From<Operation> for wire::Operation {
    fn from(operation: Operation) -> Self {
        let kind = match operation.kind {
            Kind::Single => wire::OperationType::Single,
            Kind::Batch => wire::OperationType::Batch,
            Kind::Rollback => wire::OperationType::Rollback,
            Kind::LabelChange => wire::OperationType::LabelChange,
            Kind::FixMismatch => wire::OperationType::FixMismatch,
            Kind::Start => wire::OperationType::Start,
            Kind::Stop => wire::OperationType::Stop,
            Kind::Restart => wire::OperationType::Restart,
            Kind::Pause => wire::OperationType::Pause,
            Kind::Unpause => wire::OperationType::Unpause,
            Kind::Kill => wire::OperationType::Kill,
            Kind::Remove => wire::OperationType::Remove,
        };
        let status = match operation.status {
            Status::Queued => wire::OperationStatus::Queued,
            Status::InProgress => wire::OperationStatus::InProgress,
            Status::PendingRestart => wire::OperationStatus::PendingRestart,
            Status::Complete => wire::OperationStatus::Complete,
            Status::Failed => wire::OperationStatus::Failed,
        };
        Self {
            id: operation.row,
            operation_id: operation.id,
            container_id: operation.container_id,
            container_name: operation.container_name,
            stack_name: operation.stack,
            r#type: kind.into(),
            status: status.into(),
            old_version: operation.old_version,
            new_version: operation.new_version,
            created_at: Some(wire_time(operation.created_at)),
            started_at: operation.started_at.map(wire_time),
            completed_at: operation.completed_at.map(wire_time),
            updated_at: Some(wire_time(operation.updated_at)),
            error_message: operation.error,
            rollback_occurred: operation.rollback_occurred,
            details: operation.details.into_iter().map(|detail| wire_detail(detail, operation.kind)).collect(),
            dependents_affected: operation.dependents,
            batch_group_id: operation.group,
            requested_by: operation.requested_by,
            stage: operation.stage,
            percent: operation.percent,
            rollback_of: operation.rollback_of,
        }
    }
}

fn wire_detail(detail: Detail, kind: Kind) -> wire::OperationDetail {
    wire::OperationDetail {
        container_name: detail.container_name,
        stack_name: detail.stack,
        old_version: detail.old_version,
        new_version: detail.new_version,
        change_type: detail.change_type,
        old_resolved_version: detail.old_resolved_version,
        new_resolved_version: detail.new_resolved_version,
        old_digest: detail.old_digest,
        status: match detail.status {
            DetailStatus::Pending => "pending",
            DetailStatus::InProgress if kind == Kind::Restart => "restarting",
            DetailStatus::InProgress => "in_progress",
            DetailStatus::Complete => "complete",
            DetailStatus::Failed => "failed",
        }
        .to_owned(),
        message: detail.message,
    }
}

/// An empty text is none.
pub(super) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Where the next page begins, as clients hand it back.
pub(super) fn cursor_text(cursor: Option<(i64, i64)>) -> String {
    cursor.map(|(time, row)| format!("{time}.{row}")).unwrap_or_default()
}

fn parse_cursor(text: &str) -> Option<(i64, i64)> {
    let (time, row) = text.split_once('.')?;
    Some((time.parse().ok()?, row.parse().ok()?))
}

const fn status(wire: wire::OperationStatus) -> Option<Status> {
    match wire {
        wire::OperationStatus::Unspecified => None,
        wire::OperationStatus::Queued => Some(Status::Queued),
        wire::OperationStatus::InProgress => Some(Status::InProgress),
        wire::OperationStatus::PendingRestart => Some(Status::PendingRestart),
        wire::OperationStatus::Complete => Some(Status::Complete),
        wire::OperationStatus::Failed => Some(Status::Failed),
    }
}

const fn kind(wire: wire::OperationType) -> Option<Kind> {
    match wire {
        wire::OperationType::Unspecified => None,
        wire::OperationType::Single => Some(Kind::Single),
        wire::OperationType::Batch => Some(Kind::Batch),
        wire::OperationType::Rollback => Some(Kind::Rollback),
        wire::OperationType::LabelChange => Some(Kind::LabelChange),
        wire::OperationType::FixMismatch => Some(Kind::FixMismatch),
        wire::OperationType::Start => Some(Kind::Start),
        wire::OperationType::Stop => Some(Kind::Stop),
        wire::OperationType::Restart => Some(Kind::Restart),
        wire::OperationType::Pause => Some(Kind::Pause),
        wire::OperationType::Unpause => Some(Kind::Unpause),
        wire::OperationType::Kill => Some(Kind::Kill),
        wire::OperationType::Remove => Some(Kind::Remove),
    }
}

fn timestamp(wire: WireTime, field: &'static str) -> Result<Timestamp, UpdateError> {
    Timestamp::new(wire.seconds, wire.nanos).map_err(|_| UpdateError::BadTime { field })
}

pub(super) fn wire_time(time: Timestamp) -> WireTime {
    WireTime { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}
