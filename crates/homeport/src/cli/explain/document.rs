//! The document of `POST /api/explain`, read from a server or made here.

use homeport_updater::check::{self, Change, CheckedContainer, Status};
use serde::{Deserialize, Serialize};

/// What is offered, and what every tag is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Explanation {
    pub(super) image: String,
    pub(super) status: String,
    pub(super) current: String,
    pub(super) current_version: String,
    pub(super) latest: String,
    pub(super) latest_resolved_version: String,
    pub(super) recommended_tag: String,
    pub(super) change: String,
    pub(super) change_type: i32,
    pub(super) error: String,
    pub(super) note: String,
    pub(super) candidates: Vec<Candidate>,
    pub(super) truncated: bool,
}

/// A tag.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Candidate {
    pub(super) tag: String,
    pub(super) verdict: String,
    pub(super) reason: String,
}

impl From<check::Explanation> for Explanation {
    fn from(from: check::Explanation) -> Self {
        let checked = &*from.checked;
        let (change, change_type) = change(checked);
        let candidate = |candidate: &check::Candidate| Candidate {
            tag: candidate.tag.clone(),
            verdict: candidate.verdict.to_string(),
            reason: candidate.reason().to_owned(),
        };
        Self {
            image: checked.image.clone(),
            status: status(checked.status).to_owned(),
            current: checked.current_tag.clone(),
            current_version: checked.current_version.clone(),
            latest: checked.latest_version.clone(),
            latest_resolved_version: checked.latest_resolved_version.clone(),
            recommended_tag: checked.recommended_tag.clone(),
            change: change.to_owned(),
            change_type,
            error: checked.error.clone(),
            note: checked.note.clone(),
            candidates: from.candidates.iter().map(candidate).collect(),
            truncated: from.truncated,
        }
    }
}

fn change(checked: &CheckedContainer) -> (&'static str, i32) {
    match checked.change {
        _ if checked.is_rebuild => ("rebuild", 0),
        None | Some(Change::None) => ("none", 0),
        Some(Change::Patch) => ("patch", 1),
        Some(Change::Minor) => ("minor", 2),
        Some(Change::Major) => ("major", 3),
        Some(Change::Downgrade) => ("downgrade", 4),
        Some(Change::Unknown) => ("unknown", 5),
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::UpdateAvailable => "UPDATE_AVAILABLE",
        Status::UpdateAvailableBlocked => "UPDATE_AVAILABLE_BLOCKED",
        Status::UpToDate => "UP_TO_DATE",
        Status::UpToDatePinnable => "UP_TO_DATE_PINNABLE",
        Status::LocalImage => "LOCAL_IMAGE",
        Status::ComposeMismatch => "COMPOSE_MISMATCH",
        Status::Ignored => "IGNORED",
        Status::CheckFailed => "CHECK_FAILED",
        Status::MetadataUnavailable => "METADATA_UNAVAILABLE",
        Status::Unknown => "UNKNOWN",
    }
}
