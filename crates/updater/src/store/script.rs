//! Which script is asked before the updates of which container.

use homeport_store::{Store, StoreError};
use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::corrupt;

/// A script that was assigned to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the container.
    pub container: String,
    /// Path of the script, as it was given.
    pub path: String,
    /// Who assigned it.
    pub assigned_by: String,
    /// When the container first got one.
    pub assigned_at: Timestamp,
    /// When it got this one.
    pub updated_at: Timestamp,
}

/// Assigns a script, instead of what was assigned before.
pub(crate) async fn assign(store: &Store, assignment: &Assignment) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    sqlx::query(
        "INSERT INTO script_assignment (container_name, script_path, assigned_by, assigned_us, updated_us) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (container_name) DO UPDATE \
         SET script_path = $2, assigned_by = $3, updated_us = $5",
    )
    .bind(&assignment.container)
    .bind(&assignment.path)
    .bind(&assignment.assigned_by)
    .bind(assignment.assigned_at.as_microsecond())
    .bind(assignment.updated_at.as_microsecond())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Takes an assignment away. False: there was none.
pub(crate) async fn unassign(store: &Store, container: &str) -> Result<bool, StoreError> {
    let mut transaction = store.begin().await?;
    let result = sqlx::query("DELETE FROM script_assignment WHERE container_name = $1")
        .bind(container)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(result.rows_affected() > 0)
}

/// The script of a container.
pub(crate) async fn assigned(store: &Store, container: &str) -> Result<Option<Assignment>, StoreError> {
    let row = sqlx::query("SELECT * FROM script_assignment WHERE container_name = $1")
        .bind(container)
        .fetch_optional(store.reader())
        .await?;
    row.as_ref().map(Assignment::try_from).transpose()
}

/// All of them, by the container's name.
pub(crate) async fn assignments(store: &Store) -> Result<Vec<Assignment>, StoreError> {
    let rows = sqlx::query("SELECT * FROM script_assignment ORDER BY container_name").fetch_all(store.reader()).await?;
    rows.iter().map(Assignment::try_from).collect()
}

impl TryFrom<&SqliteRow> for Assignment {
    type Error = StoreError;

    fn try_from(row: &SqliteRow) -> Result<Self, StoreError> {
        let time = |column: &'static str| -> Result<Timestamp, StoreError> {
            let us: i64 = row.try_get(column)?;
            Timestamp::from_microsecond(us).map_err(|_| corrupt("script_assignment", us))
        };
        Ok(Self {
            container: row.try_get("container_name")?,
            path: row.try_get("script_path")?,
            assigned_by: row.try_get("assigned_by")?,
            assigned_at: time("assigned_us")?,
            updated_at: time("updated_us")?,
        })
    }
}
