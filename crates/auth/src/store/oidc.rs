//! Table `oidc_accounts`: who somebody is elsewhere.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::UserId;

/// Whose account that is here.
pub(crate) async fn user(store: &Store, issuer: &str, subject: &str) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT user_id FROM oidc_accounts WHERE issuer = $1 AND subject = $2";
    let id: Option<String> = sqlx::query_scalar(sql).bind(issuer).bind(subject).fetch_optional(store.reader()).await?;
    Ok(id.map(UserId::from))
}

/// Notes whose account it is.
pub(crate) async fn link(
    transaction: &mut Transaction,
    issuer: &str,
    subject: &str,
    user: &UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO oidc_accounts (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(issuer)
    .bind(subject)
    .bind(user.as_str())
    .bind(now.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
