//! Settings that people change while it runs.

use homeport_store::{Store, StoreError, Transaction};

/// A setting's value. None: nobody changed it.
pub(crate) async fn get(store: &Store, key: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT value FROM setting WHERE key = $1").bind(key).fetch_optional(store.reader()).await?)
}

/// Changes a setting.
pub(crate) async fn set(transaction: &mut Transaction, key: &str, value: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .bind(key)
    .bind(value)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
