//! Results that are kept while a registry cannot be asked.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{CheckedContainer, Snapshot, Status};

/// The result to keep: the former one of the same container and image, if the new one is a failure that may pass and the
/// former is not too old.
pub(super) fn keep_good(
    before: &Snapshot,
    checked: CheckedContainer,
    now: Timestamp,
    limit: Duration,
) -> Arc<CheckedContainer> {
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    let former = before.container(&checked.container_name).filter(|former| {
        former.container_id == checked.container_id
            && former.image == checked.image
            && former.status != Status::CheckFailed
            && now.duration_since(former.checked_at) < limit
    });
    match former {
        Some(former) if checked.status == Status::CheckFailed && checked.is_error_temporary => {
            let note = format!("Found at {:.0}; since then: {}", former.checked_at, checked.error);
            Arc::new(CheckedContainer {
                note,
                running: checked.running,
                health_status: checked.health_status,
                ..(**former).clone()
            })
        }
        _ => Arc::new(checked),
    }
}
