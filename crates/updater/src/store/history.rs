//! What checks found and operations did, for looking back.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;
use sqlx::Row as _;

use super::record::journal_id;

/// What a check found of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub container_name: String,
    /// What it runs.
    pub image: String,
    /// Where it stands, in lower case.
    pub status: String,
    /// Version that runs.
    pub current_version: String,
    /// Version to update to.
    pub latest_version: String,
    /// Why it could not be checked.
    pub error: String,
}

/// What became of one container of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its name.
    pub container_name: String,
    /// Version before.
    pub from: String,
    /// Version to go to.
    pub to: String,
    /// Whether it got there.
    pub is_success: bool,
    /// How it ended, in words.
    pub message: String,
    /// The operation.
    pub operation: String,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A check.
    Check(Found),
    /// An update or a rollback.
    Update(Done),
}

/// The way back from an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// The container.
    pub container_name: String,
    /// The update.
    pub operation: String,
    /// Version before it.
    pub old_version: String,
}

/// Writes down what a check found.
pub(crate) async fn insert(transaction: &mut Transaction, at: Timestamp, found: &Found) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO checked (at_us, container_name, image, status, current_version, latest_version, error) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(at.as_microsecond())
    .bind(&found.container_name)
    .bind(&found.image)
    .bind(&found.status)
    .bind(&found.current_version)
    .bind(&found.latest_version)
    .bind(&found.error)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// What was last written down of each container.
pub(crate) async fn newest(store: &Store) -> Result<Vec<Found>, StoreError> {
    let rows = sqlx::query("SELECT * FROM checked WHERE id IN (SELECT MAX(id) FROM checked GROUP BY container_name)")
        .fetch_all(store.reader())
        .await?;
    rows.iter().map(found).collect()
}

/// Checks, newest first.
pub(crate) async fn checks(store: &Store, limit: u32) -> Result<Vec<(Timestamp, Line)>, StoreError> {
    let rows = sqlx::query("SELECT * FROM checked ORDER BY at_us DESC, id DESC LIMIT $1")
        .bind(i64::from(limit))
        .fetch_all(store.reader())
        .await?;
    rows.iter().map(|row| Ok((time(row.try_get("at_us")?)?, Line::Check(found(row)?)))).collect()
}

/// Containers whose turn in an update or rollback has ended, newest first.
pub(crate) async fn updates(store: &Store, limit: u32) -> Result<Vec<(Timestamp, Line)>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.container_name, d.old_version, d.new_version, d.status, d.message, o.operation_id, o.completed_us \
         FROM operation_detail d JOIN operation o ON o.operation_id = d.operation_id \
         WHERE o.completed_us IS NOT NULL AND o.kind IN ('single', 'batch', 'rollback', 'fix_mismatch') \
         ORDER BY o.completed_us DESC, o.id DESC, d.position LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(store.reader())
    .await?;
    let line = |row: &sqlx::sqlite::SqliteRow| {
        let status: String = row.try_get("status")?;
        let done = Done {
            container_name: row.try_get("container_name")?,
            from: row.try_get("old_version")?,
            to: row.try_get("new_version")?,
            is_success: status == "complete",
            message: row.try_get("message")?,
            operation: row.try_get("operation_id")?,
        };
        Ok((time(row.try_get("completed_us")?)?, Line::Update(done)))
    };
    rows.iter().map(line).collect()
}

/// Of each container whose old image and data are kept, the newest update that keeps them.
pub(crate) async fn ways_back(store: &Store) -> Result<Vec<WayBack>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.container_name, d.operation_id, d.old_version FROM operation_detail d \
         JOIN operation o ON o.operation_id = d.operation_id WHERE d.kept = 1 AND o.rollback_occurred = 0 \
         AND o.id = (SELECT MAX(p.id) FROM operation p JOIN operation_detail q ON q.operation_id = p.operation_id \
             WHERE q.container_name = d.container_name AND q.kept = 1 AND p.rollback_occurred = 0) \
         ORDER BY d.container_name",
    )
    .fetch_all(store.reader())
    .await?;
    let way = |row: &sqlx::sqlite::SqliteRow| {
        Ok(WayBack {
            container_name: row.try_get("container_name")?,
            operation: row.try_get("operation_id")?,
            old_version: row.try_get("old_version")?,
        })
    };
    rows.iter().map(way).collect()
}

/// Forgets what ended before a time, and all checks but the newest `keep`; of operations none that keeps something for
/// a way back. Returns how many rows went, and the journal entries that nothing refers to any more.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    before: Timestamp,
    keep: i64,
) -> Result<(u64, Vec<String>), StoreError> {
    let before = before.as_microsecond();
    let entries = sqlx::query(
        "SELECT d.operation_id, d.position FROM operation_detail d JOIN operation o ON o.operation_id = d.operation_id \
         WHERE o.status IN ('complete', 'failed') AND o.completed_us < $1 AND NOT EXISTS \
         (SELECT 1 FROM operation_detail k WHERE k.operation_id = o.operation_id AND k.kept = 1)",
    )
    .bind(before)
    .fetch_all(&mut **transaction)
    .await?;
    let entry = |row: &sqlx::sqlite::SqliteRow| {
        let position = usize::try_from(row.try_get::<i64, _>("position")?).unwrap_or_default();
        Ok::<_, StoreError>(journal_id(row.try_get("operation_id")?, position))
    };
    let entries = entries.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let operations = sqlx::query(
        "DELETE FROM operation WHERE status IN ('complete', 'failed') AND completed_us < $1 AND NOT EXISTS \
         (SELECT 1 FROM operation_detail k WHERE k.operation_id = operation.operation_id AND k.kept = 1)",
    )
    .bind(before)
    .execute(&mut **transaction)
    .await?;
    let checks =
        sqlx::query("DELETE FROM checked WHERE at_us < $1 OR id <= (SELECT COALESCE(MAX(id), 0) FROM checked) - $2")
            .bind(before)
            .bind(keep)
            .execute(&mut **transaction)
            .await?;
    Ok((operations.rows_affected() + checks.rows_affected(), entries))
}

fn found(row: &sqlx::sqlite::SqliteRow) -> Result<Found, StoreError> {
    Ok(Found {
        container_name: row.try_get("container_name")?,
        image: row.try_get("image")?,
        status: row.try_get("status")?,
        current_version: row.try_get("current_version")?,
        latest_version: row.try_get("latest_version")?,
        error: row.try_get("error")?,
    })
}

fn time(us: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(us).map_err(|error| StoreError::corrupt("history", error))
}
