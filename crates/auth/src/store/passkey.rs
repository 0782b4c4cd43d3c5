//! Table `passkeys`: public keys, which prove nothing by themselves.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;
use uuid::Uuid;
use webauthn_rs::prelude::Passkey as Credential;

use super::{UserId, time};

/// A passkey of a user's.
#[derive(Debug, Clone)]
pub(crate) struct Passkey {
    /// Base64url of the credential's id.
    pub(crate) id: String,
    pub(crate) user: UserId,
    /// What the passkey knows its user by.
    pub(crate) handle: Uuid,
    pub(crate) name: String,
    /// Name of the site that it was made for.
    pub(crate) site: String,
    pub(crate) credential: Credential,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, user_id, handle, name, site, credential, created_at, last_used_at FROM passkeys";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    handle: String,
    name: String,
    site: String,
    credential: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl TryFrom<Row> for Passkey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let credential = serde_json::from_str(&row.credential);
        Ok(Self {
            id: row.id,
            user: row.user_id.into(),
            handle: row.handle.parse().map_err(|error: uuid::Error| StoreError::corrupt("passkeys.handle", error))?,
            name: row.name,
            site: row.site,
            credential: credential.map_err(|error| StoreError::corrupt("passkeys.credential", error))?,
            created_at: time("passkeys.created_at", row.created_at)?,
            last_used_at: row.last_used_at.map(|at| time("passkeys.last_used_at", at)).transpose()?,
        })
    }
}

/// The passkeys of a user, oldest first.
pub(crate) async fn list(store: &Store, user: &UserId) -> Result<Vec<Passkey>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} WHERE user_id = $1 ORDER BY created_at, id"));
    let rows: Vec<Row> = sqlx::query_as(sql).bind(user.as_str()).fetch_all(store.reader()).await?;
    rows.into_iter().map(Passkey::try_from).collect()
}

/// Whether a user has any.
pub(crate) async fn has_any(transaction: &mut Transaction, user: &UserId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1)";
    Ok(sqlx::query_scalar(sql).bind(user.as_str()).fetch_one(&mut **transaction).await?)
}

/// The passkey of this id, whoever has it.
pub(crate) async fn by_id(store: &Store, id: &str) -> Result<Option<Passkey>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} WHERE id = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(id).fetch_optional(store.reader()).await?;
    row.map(Passkey::try_from).transpose()
}

/// Keeps a passkey, unless somebody has it: then it tells so.
pub(crate) async fn insert(transaction: &mut Transaction, passkey: &Passkey) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO passkeys (id, user_id, handle, name, site, credential, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT DO NOTHING",
    )
    .bind(&passkey.id)
    .bind(passkey.user.as_str())
    .bind(passkey.handle.to_string())
    .bind(&passkey.name)
    .bind(&passkey.site)
    .bind(text(&passkey.credential)?)
    .bind(passkey.created_at.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that a passkey was used, and its counter.
pub(crate) async fn used(
    transaction: &mut Transaction,
    id: &str,
    credential: &Credential,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE passkeys SET credential = $2, last_used_at = $3 WHERE id = $1")
        .bind(id)
        .bind(text(credential)?)
        .bind(now.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Deletes a passkey of a user, and tells whether there was one.
pub(crate) async fn delete(transaction: &mut Transaction, user: &UserId, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM passkeys WHERE id = $1 AND user_id = $2")
        .bind(id)
        .bind(user.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes all of a user, and tells which.
pub(crate) async fn delete_all(transaction: &mut Transaction, user: &UserId) -> Result<Vec<String>, StoreError> {
    let sql = "DELETE FROM passkeys WHERE user_id = $1 RETURNING id";
    Ok(sqlx::query_scalar(sql).bind(user.as_str()).fetch_all(&mut **transaction).await?)
}

fn text(credential: &Credential) -> Result<String, StoreError> {
    serde_json::to_string(credential).map_err(|error| StoreError::corrupt("passkeys.credential", error))
}
