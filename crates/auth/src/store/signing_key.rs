//! Table `signing_keys`: the key of the session tokens. Deleting its row ends all sessions at the next start.

use homeport_service::Secret;
use homeport_store::{Store, StoreError};
use jiff::Timestamp;

/// The key, made at the first start.
pub(crate) async fn get_or_make(store: &Store, now: Timestamp) -> Result<Secret<Vec<u8>>, StoreError> {
    let mut transaction = store.begin().await?;
    let fresh = rand::random::<[u8; 32]>();
    sqlx::query("INSERT INTO signing_keys (id, key, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(&fresh[..])
        .bind(now.as_second())
        .execute(&mut *transaction)
        .await?;
    let key = sqlx::query_scalar("SELECT key FROM signing_keys WHERE id = 1").fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Secret::new(key))
}
