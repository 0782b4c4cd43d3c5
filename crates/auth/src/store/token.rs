//! Table `tokens`.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::{TokenId, time};
use crate::{credential::token::SecretHash, scope::Scope};

/// An API token, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) id: TokenId,
    pub(crate) name: String,
    pub(crate) prefix: String,
    /// Empty: everything.
    pub(crate) scopes: Vec<Scope>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// To the minute.
    pub(crate) last_used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    prefix: String,
    secret_hash: Vec<u8>,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<Row> for Token {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        // A scope that cannot be read must not become no scope, which is everything.
        let scopes = row.scopes.lines().map(Scope::parse).collect::<Result<_, _>>();
        Ok(Self {
            id: row.id.into(),
            name: row.name,
            prefix: row.prefix,
            scopes: scopes.map_err(|error| StoreError::corrupt("tokens.scopes", error))?,
            created_at: time("tokens.created_at", row.created_at)?,
            expires_at: row.expires_at.map(|at| time("tokens.expires_at", at)).transpose()?,
            last_used_at: row.last_used_at.map(|at| time("tokens.last_used_at", at)).transpose()?,
        })
    }
}

/// The token with this secret.
pub(crate) async fn by_secret(store: &Store, hash: &SecretHash) -> Result<Option<Token>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, last_used_at
         FROM tokens WHERE secret_hash = $1",
    )
    .bind(hash.as_bytes())
    .fetch_optional(store.reader())
    .await?;
    // The index compares hashes, about which a guess says nothing; this makes it hold for the last step as well.
    row.filter(|row| hash.equals(&row.secret_hash)).map(Token::try_from).transpose()
}

/// All of them, by name.
pub(crate) async fn list(store: &Store) -> Result<Vec<Token>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, name, prefix, secret_hash, scopes, created_at, expires_at, last_used_at
         FROM tokens ORDER BY name",
    )
    .fetch_all(store.reader())
    .await?;
    rows.into_iter().map(Token::try_from).collect()
}

/// How many there are.
pub(crate) async fn count(transaction: &mut Transaction) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM tokens").fetch_one(&mut **transaction).await?)
}

/// Keeps a token, unless there is one of that name: then it tells so.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    token: &Token,
    hash: &SecretHash,
) -> Result<bool, StoreError> {
    let scopes: Vec<String> = token.scopes.iter().map(Scope::to_string).collect();
    let done = sqlx::query(
        "INSERT INTO tokens (id, name, prefix, secret_hash, scopes, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING",
    )
    .bind(token.id.as_str())
    .bind(&token.name)
    .bind(&token.prefix)
    .bind(hash.as_bytes())
    .bind(scopes.join("\n"))
    .bind(token.created_at.as_second())
    .bind(token.expires_at.map(Timestamp::as_second))
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes a token, and tells whether there was one.
pub(crate) async fn delete(transaction: &mut Transaction, id: &TokenId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM tokens WHERE id = $1").bind(id.as_str()).execute(&mut **transaction).await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that a token was used.
pub(crate) async fn used(transaction: &mut Transaction, id: &TokenId, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET last_used_at = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(at.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
