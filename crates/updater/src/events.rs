//! What the updater tells the bus.

use homeport_bus_client::Publisher;
use homeport_store::{StoreError, Transaction, outbox};
use jiff::Timestamp;
use serde::Serialize;

/// How far an operation is.
pub const PROGRESS: &str = "update:progress";
/// The journal of an operation went on by one entry.
pub const STEP: &str = "update:step";
/// A container was changed, or was to be.
pub const CONTAINER: &str = "update:container";

/// Payload of [`PROGRESS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The operation.
    pub operation_id: String,
    /// Empty: the whole batch.
    pub container_name: String,
    /// Compose project, if there is one.
    pub stack_name: String,
    /// `validating`, `pulling_image`, `backup`, `updating_compose`, `stopping`, `recreating`, `health_check`,
    /// `rolling_back`, `complete` or `failed`.
    pub stage: String,
    /// 0 to 100.
    pub progress: u32,
    /// In words.
    pub message: String,
    /// Seconds since 1970.
    pub timestamp: i64,
}

/// Payload of [`STEP`]: what the journal was told, in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepChanged<'a> {
    /// The operation.
    pub operation_id: &'a str,
    /// Name of the container whose turn it is.
    pub container_name: &'a str,
    /// The step, such as `pull` or `recreate`. Empty for the operation as a whole.
    pub step: &'a str,
    /// `begun`, `done` or `undone` of a step; `committed` or `undoing` of the whole.
    pub state: &'static str,
}

/// Payload of [`CONTAINER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerChanged {
    /// The operation.
    pub operation_id: String,
    /// Id of the container that runs now, as far as it is known.
    pub container_id: String,
    /// Its name.
    pub container_name: String,
    /// Compose project, if there is one.
    pub stack_name: String,
    /// `updated` or `failed`.
    pub status: &'static str,
}

/// Where events go that nobody has to get, such as the percentage of a download.
pub trait Ticks: Send + Sync {
    /// Tells of progress, or drops it.
    fn tick(&self, progress: &Progress);
}

impl Ticks for Publisher {
    fn tick(&self, progress: &Progress) {
        self.publish(PROGRESS, progress);
    }
}

/// Tells of progress once the transaction is kept.
pub(crate) async fn progress(transaction: &mut Transaction, progress: &Progress) -> Result<(), StoreError> {
    outbox::append(transaction, PROGRESS, progress).await
}

/// Tells of an entry in the journal once the transaction is kept.
pub(crate) async fn step(transaction: &mut Transaction, changed: &StepChanged<'_>) -> Result<(), StoreError> {
    outbox::append(transaction, STEP, changed).await
}

/// Tells of a changed container once the transaction is kept.
pub(crate) async fn container(transaction: &mut Transaction, changed: &ContainerChanged) -> Result<(), StoreError> {
    outbox::append(transaction, CONTAINER, changed).await
}

/// Seconds since 1970.
pub(crate) fn seconds(now: Timestamp) -> i64 {
    now.as_second()
}
