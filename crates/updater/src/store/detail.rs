//! The containers of operations.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{Detail, DetailStatus, to_i64};

/// How one container of an operation ended.
#[derive(Debug, Clone, Default)]
pub struct DetailEnd {
    /// In words. Empty after a success without remarks.
    pub message: String,
    /// The container that it made.
    pub new_container_id: String,
    /// The old image and data are kept.
    pub kept: bool,
}

pub(super) async fn of(connection: &mut SqliteConnection, operation: &str) -> Result<Vec<Detail>, StoreError> {
    let rows = sqlx::query("SELECT * FROM operation_detail WHERE operation_id = $1 ORDER BY position")
        .bind(operation)
        .fetch_all(connection)
        .await?;
    rows.iter().map(Detail::try_from).collect()
}

/// Notes that a container's turn has come, and what it runs now.
pub(crate) async fn begin(
    transaction: &mut Transaction,
    operation: &str,
    position: usize,
    old_version: &str,
    old_digest: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE operation_detail SET status = 'in_progress', old_version = $3, old_digest = $4 \
         WHERE operation_id = $1 AND position = $2",
    )
    .bind(operation)
    .bind(to_i64(position))
    .bind(old_version)
    .bind(old_digest)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes how a container's turn ended.
pub(crate) async fn end(
    transaction: &mut Transaction,
    operation: &str,
    position: usize,
    status: DetailStatus,
    end: &DetailEnd,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE operation_detail SET status = $3, message = $4, new_container_id = $5, kept = $6 \
         WHERE operation_id = $1 AND position = $2",
    )
    .bind(operation)
    .bind(to_i64(position))
    .bind(status.as_str())
    .bind(&end.message)
    .bind(&end.new_container_id)
    .bind(i64::from(end.kept))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The journal entries of a container whose old image and data are kept, newest first.
pub async fn kept_of(store: &Store, container: &str) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.operation_id, d.position FROM operation_detail d JOIN operation o ON o.operation_id = d.operation_id \
         WHERE d.container_name = $1 AND d.kept = 1 ORDER BY o.id DESC",
    )
    .bind(container)
    .fetch_all(store.reader())
    .await?;
    rows.iter().map(|row| Ok(journal_id(row.try_get("operation_id")?, row.try_get("position")?))).collect()
}

/// What is kept for one container.
#[derive(Debug, Clone)]
pub(crate) struct KeptRow {
    pub(crate) operation: String,
    pub(crate) position: usize,
    pub(crate) container: String,
    pub(crate) completed_at: Option<Timestamp>,
}

/// Everything that is kept.
pub(crate) async fn all_kept(store: &Store) -> Result<Vec<KeptRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.operation_id, d.position, d.container_name, o.completed_us FROM operation_detail d \
         JOIN operation o ON o.operation_id = d.operation_id WHERE d.kept = 1",
    )
    .fetch_all(store.reader())
    .await?;
    let kept = |row: &SqliteRow| {
        let completed: Option<i64> = row.try_get("completed_us")?;
        Ok(KeptRow {
            operation: row.try_get("operation_id")?,
            position: usize::try_from(row.try_get::<i64, _>("position")?).unwrap_or_default(),
            container: row.try_get("container_name")?,
            completed_at: completed.and_then(|us| Timestamp::from_microsecond(us).ok()),
        })
    };
    rows.iter().map(kept).collect()
}

/// The operation that last brought a container to another version, be it that it proved itself or stays all the same.
pub async fn newest_success(store: &Store, container: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT d.operation_id FROM operation_detail d JOIN operation o ON o.operation_id = d.operation_id \
         WHERE d.container_name = $1 AND (d.status = 'complete' OR d.new_container_id <> '') \
         AND o.kind IN ('single', 'batch', 'rollback', 'fix_mismatch') ORDER BY o.completed_us DESC, o.id DESC LIMIT 1",
    )
    .bind(container)
    .fetch_optional(store.reader())
    .await?)
}

/// Notes that what a journal entry had kept is gone.
pub async fn set_kept(
    transaction: &mut Transaction,
    operation: &str,
    position: usize,
    kept: bool,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE operation_detail SET kept = $3 WHERE operation_id = $1 AND position = $2")
        .bind(operation)
        .bind(to_i64(position))
        .bind(i64::from(kept))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn journal_id(operation: &str, position: i64) -> String {
    format!("{operation}-{position}")
}
