//! Operations, one by one.

use std::collections::BTreeSet;

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::{Detail, Kind, Operation, Status, to_i64};

/// Stores a new operation with its details.
pub async fn insert(transaction: &mut Transaction, operation: &Operation) -> Result<(), StoreError> {
    let o = operation;
    sqlx::query(
        "INSERT INTO operation (operation_id, kind, status, lock_key, container_id, container_name, stack_name, \
         old_version, new_version, rollback_of, batch_group_id, requested_by, created_us, updated_us, dependents, also_locks) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15)",
    )
    .bind(&o.id)
    .bind(o.kind.as_str())
    .bind(o.status.as_str())
    .bind(&o.lock)
    .bind(&o.container_id)
    .bind(&o.container_name)
    .bind(&o.stack)
    .bind(&o.old_version)
    .bind(&o.new_version)
    .bind(&o.rollback_of)
    .bind(&o.group)
    .bind(&o.requested_by)
    .bind(o.created_at.as_microsecond())
    .bind(names(&o.dependents))
    .bind(names(&o.also_locks))
    .execute(&mut **transaction)
    .await?;
    for (position, detail) in o.details.iter().enumerate() {
        insert_detail(transaction, &o.id, position, detail).await?;
    }
    Ok(())
}

async fn insert_detail(
    transaction: &mut Transaction,
    operation: &str,
    position: usize,
    detail: &Detail,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO operation_detail (operation_id, position, container_name, stack_name, forced, old_version, \
         new_version, change_type, old_resolved_version, new_resolved_version, old_digest, status, rolls_back, \
         plan_hash, script, rehearse, no_restart) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
         $16, $17)",
    )
    .bind(operation)
    .bind(to_i64(position))
    .bind(&detail.container_name)
    .bind(&detail.stack)
    .bind(i64::from(detail.force))
    .bind(&detail.old_version)
    .bind(&detail.new_version)
    .bind(i64::from(detail.change_type))
    .bind(&detail.old_resolved_version)
    .bind(&detail.new_resolved_version)
    .bind(&detail.old_digest)
    .bind(detail.status.as_str())
    .bind(&detail.rolls_back)
    .bind(&detail.plan_hash)
    .bind(&detail.script)
    .bind(i64::from(detail.rehearse))
    .bind(i64::from(detail.no_restart))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// An operation by its id.
pub async fn get(store: &Store, id: &str) -> Result<Option<Operation>, StoreError> {
    get_on(&mut *store.reader().acquire().await?, id).await
}

/// An operation by its id, as it is within a transaction.
pub(crate) async fn get_on(connection: &mut SqliteConnection, id: &str) -> Result<Option<Operation>, StoreError> {
    let row = sqlx::query("SELECT * FROM operation WHERE operation_id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut operation = Operation::try_from(&row)?;
    operation.details = super::detail::of(connection, id).await?;
    Ok(Some(operation))
}

/// Operations that have not ended: those under way first, then the queued ones in their order.
pub async fn active(store: &Store) -> Result<Vec<Operation>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM operation WHERE status IN ('in_progress', 'pending_restart', 'queued') \
         ORDER BY CASE status WHEN 'queued' THEN 1 ELSE 0 END, id",
    )
    .fetch_all(store.reader())
    .await?;
    rows.iter().map(Operation::try_from).collect()
}

/// How many operations wait.
pub async fn waiting(store: &Store) -> Result<usize, StoreError> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM operation WHERE status = 'queued'").fetch_one(store.reader()).await?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The operation under way or queued that brings a container to a version by an update.
pub async fn find_active(
    connection: &mut SqliteConnection,
    container: &str,
    version: &str,
) -> Result<Option<String>, StoreError> {
    let detail = Detail { container_name: container.to_owned(), new_version: version.to_owned(), ..Detail::default() };
    find_doing(connection, Kind::Single, &detail).await
}

/// The operation under way or queued that does all that this one would, which does something.
pub async fn find_same(connection: &mut SqliteConnection, operation: &Operation) -> Result<Option<String>, StoreError> {
    let mut same = None;
    for detail in &operation.details {
        let found = find_doing(connection, operation.kind, detail).await?;
        if found.is_none() || same.is_some() && found != same {
            return Ok(None);
        }
        same = found;
    }
    Ok(same)
}

/// The first operation under way or queued that still does to a container what this detail of an operation would. An update
/// is the same alone and in a batch.
async fn find_doing(
    connection: &mut SqliteConnection,
    kind: Kind,
    detail: &Detail,
) -> Result<Option<String>, StoreError> {
    let (kind, other) = match kind {
        Kind::Single | Kind::Batch => (Kind::Single, Kind::Batch),
        kind => (kind, kind),
    };
    Ok(sqlx::query_scalar(
        "SELECT o.operation_id FROM operation o JOIN operation_detail d ON d.operation_id = o.operation_id \
         WHERE o.status IN ('in_progress', 'pending_restart', 'queued') AND o.kind IN ($1, $2) \
         AND d.container_name = $3 AND d.new_version = $4 AND d.rolls_back = $5 \
         AND d.status IN ('pending', 'in_progress') ORDER BY o.id LIMIT 1",
    )
    .bind(kind.as_str())
    .bind(other.as_str())
    .bind(&detail.container_name)
    .bind(&detail.new_version)
    .bind(&detail.rolls_back)
    .fetch_optional(connection)
    .await?)
}

/// Marks an operation as begun.
pub async fn start(transaction: &mut Transaction, id: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE operation SET status = 'in_progress', started_us = COALESCE(started_us, $2), updated_us = $2 \
         WHERE operation_id = $1",
    )
    .bind(id)
    .bind(now.as_microsecond())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes how far an operation is.
pub async fn set_stage(
    transaction: &mut Transaction,
    id: &str,
    stage: &str,
    percent: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE operation SET stage = $2, percent = $3, updated_us = $4 WHERE operation_id = $1")
        .bind(id)
        .bind(stage)
        .bind(i64::from(percent))
        .bind(now.as_microsecond())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Notes names of containers that follow those of an operation.
pub async fn add_dependents(transaction: &mut Transaction, id: &str, more: &[String]) -> Result<(), StoreError> {
    let Some(operation) = get_on(transaction, id).await? else { return Ok(()) };
    let mut all = operation.dependents;
    all.extend(more.iter().filter(|name| !operation_has(&operation.details, name)).cloned());
    let mut seen = BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    sqlx::query("UPDATE operation SET dependents = $2 WHERE operation_id = $1")
        .bind(id)
        .bind(names(&all))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn operation_has(details: &[Detail], name: &str) -> bool {
    details.iter().any(|detail| detail.container_name == name)
}

fn names(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

/// Notes which locks an operation needs besides its own.
pub(crate) async fn set_also_locks(
    transaction: &mut Transaction,
    id: &str,
    locks: &[String],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE operation SET also_locks = $2 WHERE operation_id = $1")
        .bind(id)
        .bind(names(locks))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Says how far an operation is that has not ended.
pub async fn set_status(transaction: &mut Transaction, id: &str, status: Status) -> Result<(), StoreError> {
    sqlx::query("UPDATE operation SET status = $2 WHERE operation_id = $1")
        .bind(id)
        .bind(status.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Ids of the operations with a lock, newest first.
pub async fn of_lock(store: &Store, lock: &str) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT operation_id FROM operation WHERE lock_key = $1 ORDER BY id DESC")
        .bind(lock)
        .fetch_all(store.reader())
        .await?)
}

/// Ends an operation.
pub async fn finish(
    transaction: &mut Transaction,
    id: &str,
    status: Status,
    message: &str,
    rolled_back: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let stage = if status == Status::Complete { "complete" } else { "failed" };
    sqlx::query(
        "UPDATE operation SET status = $2, error_message = $3, rollback_occurred = $4, stage = $5, percent = 100, \
         completed_us = $6, updated_us = $6 WHERE operation_id = $1",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(message)
    .bind(i64::from(rolled_back))
    .bind(stage)
    .bind(now.as_microsecond())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes that an operation was rolled back by a later one.
pub async fn mark_rolled_back(transaction: &mut Transaction, id: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE operation SET rollback_occurred = 1, updated_us = $2 WHERE operation_id = $1")
        .bind(id)
        .bind(now.as_microsecond())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Forgets the oldest ended operations beyond a number, but none that keeps something for a way back. Returns the ids
/// of the journal entries that nothing refers to any more.
pub async fn prune(transaction: &mut Transaction, keep: u32) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT o.operation_id, d.position FROM operation o JOIN operation_detail d ON d.operation_id = o.operation_id \
         WHERE o.status IN ('complete', 'failed') AND o.id <= (SELECT MAX(id) FROM operation) - $1 \
         AND NOT EXISTS (SELECT 1 FROM operation_detail k WHERE k.operation_id = o.operation_id AND k.kept = 1)",
    )
    .bind(i64::from(keep))
    .fetch_all(&mut **transaction)
    .await?;
    let mut entries = Vec::new();
    for row in rows {
        let id: String = row.try_get("operation_id")?;
        sqlx::query("DELETE FROM operation WHERE operation_id = $1").bind(&id).execute(&mut **transaction).await?;
        let position = usize::try_from(row.try_get::<i64, _>("position")?).unwrap_or_default();
        entries.push(super::record::journal_id(&id, position));
    }
    Ok(entries)
}

impl Status {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Queued, Self::InProgress, Self::PendingRestart, Self::Complete, Self::Failed];

    /// Whether it has ended.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}
