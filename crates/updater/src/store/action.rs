//! What operations by hand are to do.

use homeport_store::{Store, StoreError, Transaction};

/// Keeps what an operation is to do, as JSON.
pub(crate) async fn insert(transaction: &mut Transaction, operation: &str, action: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO action (operation_id, action) VALUES ($1, $2)")
        .bind(operation)
        .bind(action)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// What an operation is to do, as JSON.
pub(crate) async fn get(store: &Store, operation: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT action FROM action WHERE operation_id = $1")
        .bind(operation)
        .fetch_optional(store.reader())
        .await?)
}

/// Names of the containers that work waits for.
pub(crate) async fn queued_containers(store: &Store) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT d.container_name FROM operation_detail d JOIN operation o ON o.operation_id = d.operation_id \
         WHERE o.status IN ('queued', 'in_progress') \
         UNION SELECT container_name FROM operation WHERE status IN ('queued', 'in_progress')",
    )
    .fetch_all(store.reader())
    .await?)
}
