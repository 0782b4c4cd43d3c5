//! The documents that tables are made of. What is missing in an answer is empty: a server of another version must not
//! make a table impossible. `--json` prints the documents themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the last check found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) containers: Vec<Container>,
    pub(crate) total_checked: u64,
    pub(crate) updates_found: u64,
    pub(crate) checking: bool,
    pub(crate) last_background_run: Option<Timestamp>,
    pub(crate) next_check: Option<Timestamp>,
    /// Why the last check could not list the containers.
    pub(crate) error: Option<String>,
}

/// A container with what the last check found.
#[expect(clippy::struct_field_names, reason = "the names are those of the document")]
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) container_name: String,
    pub(crate) image: String,
    pub(crate) stack: Option<String>,
    pub(crate) current_tag: Option<String>,
    pub(crate) current_version: Option<String>,
    pub(crate) latest_version: Option<String>,
    pub(crate) latest_resolved_version: Option<String>,
    pub(crate) recommended_tag: Option<String>,
    pub(crate) change_type: i32,
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) pre_update_check_fail: Option<String>,
}

/// A page of the history.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operations {
    pub(crate) operations: Vec<Operation>,
    pub(crate) has_more: bool,
}

/// What checks found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    pub(crate) history: Vec<Check>,
}

/// What a check found of one container.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Check {
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) container_name: String,
    pub(crate) status: String,
    pub(crate) current_version: Option<String>,
    pub(crate) latest_version: Option<String>,
    pub(crate) error: Option<String>,
}

/// A piece of work.
#[expect(clippy::struct_field_names, reason = "the names are those of the document")]
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operation {
    pub(crate) operation_id: String,
    pub(crate) container_name: String,
    pub(crate) operation_type: String,
    pub(crate) status: String,
    pub(crate) old_version: Option<String>,
    pub(crate) new_version: Option<String>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) error_message: Option<String>,
    pub(crate) rollback_occurred: bool,
    /// What it is doing now.
    pub(crate) stage: String,
    /// 0 to 100.
    pub(crate) percent: u64,
    /// Its containers, one by one.
    pub(crate) batch_details: Vec<Part>,
}

/// What an operation does to one of its containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    pub(crate) container_name: String,
    pub(crate) status: String,
    pub(crate) old_version: Option<String>,
    pub(crate) new_version: Option<String>,
    pub(crate) message: Option<String>,
}

impl Operation {
    /// Whether nothing will come after this.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "complete" | "failed" | "cancelled")
    }

    /// Whether it came to its end, though perhaps not with all its containers.
    pub(crate) fn is_complete(&self) -> bool {
        self.status == "complete"
    }

    /// Whether it did what it was to do, with all its containers.
    pub(crate) fn is_success(&self) -> bool {
        self.is_complete() && !self.batch_details.iter().any(|part| part.status == "failed")
    }
}

/// An update that began.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UpdateStarted {
    pub(crate) operation_id: String,
    pub(crate) container_name: String,
    pub(crate) target_version: String,
}

/// Updates that began, or could not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BatchStarted {
    pub(crate) operations: Vec<BatchOperation>,
}

/// One stack of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BatchOperation {
    pub(crate) containers: Vec<String>,
    pub(crate) operation_id: Option<String>,
    pub(crate) error: Option<String>,
}

/// A rollback that began.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RollbackStarted {
    pub(crate) operation_id: String,
}

/// A session that began.
#[derive(Deserialize)]
pub(crate) struct Login {
    pub(crate) token: String,
}

/// An API token as lists show it.
#[expect(clippy::struct_field_names, reason = "the names are those of the document")]
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Token {
    pub(crate) name: String,
    /// The secret when it is new, later its beginning.
    pub(crate) token: String,
    /// Unix seconds; 0: never.
    pub(crate) expire: i64,
    pub(crate) scoped_paths: Option<Vec<String>>,
    /// Unix seconds. Unset: not yet.
    pub(crate) last_used: Option<i64>,
}

/// An API token that is wanted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewToken<'a> {
    pub(crate) name: &'a str,
    /// Unix seconds; 0: never.
    pub(crate) expire: i64,
    pub(crate) scoped_paths: &'a [String],
}
