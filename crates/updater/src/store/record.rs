//! Rows, and what they mean.

use homeport_store::StoreError;
use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::corrupt;

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The update of one container.
    Single,
    /// Updates of several containers of one stack.
    Batch,
    /// The way back from an update.
    Rollback,
    /// Other labels of one container.
    LabelChange,
    /// A container brought to its compose file.
    FixMismatch,
    /// A start by hand.
    Start,
    /// A stop by hand.
    Stop,
    /// A restart: by hand, or of several containers in their order.
    Restart,
    /// A pause by hand.
    Pause,
    /// The end of a pause by hand.
    Unpause,
    /// A signal by hand.
    Kill,
    /// A removal by hand.
    Remove,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for its stack.
    Queued,
    /// Is being carried out.
    InProgress,
    /// Homeport is being replaced by a container beside it.
    PendingRestart,
    /// Ended, and at least one container was updated.
    Complete,
    /// Ended, and none was.
    Failed,
}

/// How far one container of an operation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DetailStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Being carried out.
    InProgress,
    /// Updated.
    Complete,
    /// As it was before.
    Failed,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Number of the row. Zero before it is stored.
    pub row: i64,
    /// A UUID.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// How far it is.
    pub status: Status,
    /// Operations with the same one run one after the other.
    pub lock: String,
    /// Others that it needs, since containers of other stacks follow.
    pub also_locks: Vec<String>,
    /// Of the only container.
    pub container_id: String,
    /// Of the only container, or `N containers`.
    pub container_name: String,
    /// Compose project, if the containers have one.
    pub stack: String,
    /// Tag before.
    pub old_version: String,
    /// Tag to go to.
    pub new_version: String,
    /// Why it failed, and what was done about it.
    pub error: String,
    /// It was rolled back, by itself or by a later operation.
    pub rollback_occurred: bool,
    /// The operation that it goes back from.
    pub rollback_of: String,
    /// What it was asked for together with.
    pub group: String,
    /// Who asked.
    pub requested_by: String,
    /// The stage it is in or ended in.
    pub stage: String,
    /// Per cent of the whole.
    pub percent: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// When anything of this last changed.
    pub updated_at: Timestamp,
    /// Names of the containers that follow them.
    pub dependents: Vec<String>,
    /// Its containers, in the order in which they are worked on.
    pub details: Vec<Detail>,
}

/// One container of an operation.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// Its name.
    pub container_name: String,
    /// Its compose project.
    pub stack: String,
    /// Warnings do not stop it.
    pub force: bool,
    /// Tag before.
    pub old_version: String,
    /// Tag to go to.
    pub new_version: String,
    /// As the caller gave it.
    pub change_type: i32,
    /// As the caller gave it.
    pub old_resolved_version: String,
    /// As the caller gave it.
    pub new_resolved_version: String,
    /// Digest before.
    pub old_digest: String,
    /// How far it is.
    pub status: DetailStatus,
    /// How it ended.
    pub message: String,
    /// The container that it made.
    pub new_container_id: String,
    /// The journal entry that it goes back from. Empty for an update.
    pub rolls_back: String,
    /// The old image and data are still kept.
    pub kept: bool,
    /// Hash of the plan that somebody agreed to, or its beginning. Empty: none.
    pub plan_hash: String,
    /// The script that the request names. Empty: none.
    pub script: String,
    /// The new version is tried on a copy of the data first.
    pub rehearse: bool,
    /// Only the file is changed.
    pub no_restart: bool,
}

impl Kind {
    /// Whether it is something that a person did to one container, which needs no plan.
    pub const fn is_by_hand(self) -> bool {
        !matches!(self, Self::Single | Self::Batch | Self::Rollback | Self::LabelChange | Self::FixMismatch)
    }

    /// Whether it brings containers to another version, so that there is a way back from it.
    pub const fn changes_version(self) -> bool {
        matches!(self, Self::Single | Self::Batch | Self::Rollback | Self::FixMismatch)
    }
}

impl Detail {
    /// Whether its new version is in place: it succeeded, or did not prove itself and stays.
    pub fn is_in_place(&self) -> bool {
        self.status == DetailStatus::Complete || !self.new_container_id.is_empty()
    }

    /// Whether its turn is over.
    pub const fn is_ended(&self) -> bool {
        matches!(self.status, DetailStatus::Complete | DetailStatus::Failed)
    }
}

impl Operation {
    /// All locks that it needs.
    pub fn locks(&self) -> Vec<String> {
        [&self.lock].into_iter().chain(&self.also_locks).cloned().collect()
    }

    /// Id of the journal entry of one of its containers.
    pub fn journal_id(&self, position: usize) -> String {
        journal_id(&self.id, position)
    }
}

/// Id of the journal entry of one container of an operation.
pub(crate) fn journal_id(operation: &str, position: usize) -> String {
    format!("{operation}-{position}")
}

/// The operation and the position that a journal entry is for.
pub(crate) fn of_journal_id(id: &str) -> Option<(&str, usize)> {
    let (operation, position) = id.rsplit_once('-')?;
    Some((operation, position.parse().ok()?))
}

macro_rules! texts {
    ($type:ident, $what:literal, $($variant:ident = $text:literal),+) => {
        impl $type {
            /// As it is written into the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            fn parse(text: &str) -> Result<Self, StoreError> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(corrupt($what, text)) }
            }
        }
    };
}

texts!(
    Kind,
    "operation.kind",
    Single = "single",
    Batch = "batch",
    Rollback = "rollback",
    LabelChange = "label_change",
    FixMismatch = "fix_mismatch",
    Start = "start",
    Stop = "stop",
    Restart = "restart",
    Pause = "pause",
    Unpause = "unpause",
    Kill = "kill",
    Remove = "remove"
);
texts!(
    Status,
    "operation.status",
    Queued = "queued",
    InProgress = "in_progress",
    PendingRestart = "pending_restart",
    Complete = "complete",
    Failed = "failed"
);
texts!(
    DetailStatus,
    "operation_detail.status",
    Pending = "pending",
    InProgress = "in_progress",
    Complete = "complete",
    Failed = "failed"
);

impl TryFrom<&SqliteRow> for Operation {
    type Error = StoreError;

    fn try_from(row: &SqliteRow) -> Result<Self, StoreError> {
        let time = |column: &'static str| -> Result<Option<Timestamp>, StoreError> {
            row.try_get::<Option<i64>, _>(column)?.map(timestamp).transpose()
        };
        let now = || StoreError::corrupt("operation", "a time is missing");
        Ok(Self {
            row: row.try_get("id")?,
            id: row.try_get("operation_id")?,
            kind: Kind::parse(row.try_get("kind")?)?,
            status: Status::parse(row.try_get("status")?)?,
            lock: row.try_get("lock_key")?,
            also_locks: serde_json::from_str(row.try_get("also_locks")?)
                .map_err(|error| StoreError::corrupt("operation.also_locks", error))?,
            container_id: row.try_get("container_id")?,
            container_name: row.try_get("container_name")?,
            stack: row.try_get("stack_name")?,
            old_version: row.try_get("old_version")?,
            new_version: row.try_get("new_version")?,
            error: row.try_get("error_message")?,
            rollback_occurred: row.try_get::<i64, _>("rollback_occurred")? != 0,
            rollback_of: row.try_get("rollback_of")?,
            group: row.try_get("batch_group_id")?,
            requested_by: row.try_get("requested_by")?,
            stage: row.try_get("stage")?,
            percent: u32::try_from(row.try_get::<i64, _>("percent")?).map_err(|_| corrupt("percent", "negative"))?,
            created_at: time("created_us")?.ok_or_else(now)?,
            started_at: time("started_us")?,
            completed_at: time("completed_us")?,
            updated_at: time("updated_us")?.ok_or_else(now)?,
            dependents: serde_json::from_str(row.try_get("dependents")?)
                .map_err(|error| StoreError::corrupt("operation.dependents", error))?,
            details: Vec::new(),
        })
    }
}

impl TryFrom<&SqliteRow> for Detail {
    type Error = StoreError;

    fn try_from(row: &SqliteRow) -> Result<Self, StoreError> {
        let change_type: i64 = row.try_get("change_type")?;
        Ok(Self {
            container_name: row.try_get("container_name")?,
            stack: row.try_get("stack_name")?,
            force: row.try_get::<i64, _>("forced")? != 0,
            old_version: row.try_get("old_version")?,
            new_version: row.try_get("new_version")?,
            change_type: i32::try_from(change_type)
                .map_err(|_| corrupt("operation_detail.change_type", change_type))?,
            old_resolved_version: row.try_get("old_resolved_version")?,
            new_resolved_version: row.try_get("new_resolved_version")?,
            old_digest: row.try_get("old_digest")?,
            status: DetailStatus::parse(row.try_get("status")?)?,
            message: row.try_get("message")?,
            new_container_id: row.try_get("new_container_id")?,
            rolls_back: row.try_get("rolls_back")?,
            kept: row.try_get::<i64, _>("kept")? != 0,
            plan_hash: row.try_get("plan_hash")?,
            script: row.try_get("script")?,
            rehearse: row.try_get::<i64, _>("rehearse")? != 0,
            no_restart: row.try_get::<i64, _>("no_restart")? != 0,
        })
    }
}

fn timestamp(us: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(us).map_err(|error| StoreError::corrupt("operation", error))
}
