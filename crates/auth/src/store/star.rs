//! Table `stars`: the applications that a user has marked.

use homeport_store::{Store, StoreError, Transaction};

use super::UserId;

/// Those of a user, by name.
pub(crate) async fn list(store: &Store, user: &UserId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT application FROM stars WHERE user_id = $1 ORDER BY application";
    Ok(sqlx::query_scalar(sql).bind(user.as_str()).fetch_all(store.reader()).await?)
}

/// How many a user has.
pub(crate) async fn count(transaction: &mut Transaction, user: &UserId) -> Result<u32, StoreError> {
    let sql = "SELECT COUNT(*) FROM stars WHERE user_id = $1";
    Ok(sqlx::query_scalar(sql).bind(user.as_str()).fetch_one(&mut **transaction).await?)
}

/// Marks one.
pub(crate) async fn insert(transaction: &mut Transaction, user: &UserId, name: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO stars (user_id, application) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(user.as_str())
        .bind(name)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Unmarks one.
pub(crate) async fn delete(transaction: &mut Transaction, user: &UserId, name: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM stars WHERE user_id = $1 AND application = $2")
        .bind(user.as_str())
        .bind(name)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
