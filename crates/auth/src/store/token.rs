//! Table `tokens`: all that can be shown instead of a password, sessions apart.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::{TokenId, UserId, time};
use crate::{credential::token::SecretHash, grant::Grant, role::Role, scope::Scope, token_kind::TokenKind};

/// A token, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) id: TokenId,
    pub(crate) kind: TokenKind,
    /// Plugin or project that it belongs to.
    pub(crate) subject: Option<String>,
    /// Whom it acts for.
    pub(crate) user: Option<UserId>,
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
    /// The most that it may do.
    pub(crate) grant: Grant,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// To the minute.
    pub(crate) last_used_at: Option<Timestamp>,
    /// It stands in a file of the administrator's, and is not in this table.
    pub(crate) in_file: bool,
}

/// Whom a token acts for, at this moment.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) disabled: bool,
}

const COLUMNS: &str = "tokens.id, kind, subject, user_id, tokens.name, prefix, suffix, secret_hash, scopes, tokens.role, \
                       tokens.created_at, expires_at, last_used_at, users.name AS owner_name, \
                       users.role AS owner_role, users.disabled AS owner_disabled \
                       FROM tokens LEFT JOIN users ON users.id = tokens.user_id";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    subject: Option<String>,
    user_id: Option<String>,
    name: String,
    prefix: String,
    suffix: String,
    secret_hash: Vec<u8>,
    scopes: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    owner_name: Option<String>,
    owner_role: Option<String>,
    owner_disabled: Option<bool>,
}

impl Row {
    fn owner(&self) -> Result<Option<Owner>, StoreError> {
        let (Some(name), Some(role)) = (&self.owner_name, &self.owner_role) else { return Ok(None) };
        let role = role.parse().map_err(|error| StoreError::corrupt("users.role", error))?;
        Ok(Some(Owner { name: name.clone(), role, disabled: self.owner_disabled.unwrap_or(true) }))
    }
}

impl TryFrom<Row> for Token {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        // A scope that cannot be read must not become no scope, which is everything.
        let scopes = row.scopes.lines().map(Scope::parse).collect::<Result<_, _>>();
        let kind = TokenKind::of_str(&row.kind).ok_or_else(|| StoreError::corrupt("tokens.kind", row.kind.clone()))?;
        Ok(Self {
            id: row.id.into(),
            kind,
            subject: row.subject,
            user: row.user_id.map(UserId::from),
            name: row.name,
            prefix: row.prefix,
            suffix: row.suffix,
            grant: Grant {
                role: row.role.parse().map_err(|error| StoreError::corrupt("tokens.role", error))?,
                scopes: scopes.map_err(|error| StoreError::corrupt("tokens.scopes", error))?,
            },
            created_at: time("tokens.created_at", row.created_at)?,
            expires_at: row.expires_at.map(|at| time("tokens.expires_at", at)).transpose()?,
            last_used_at: row.last_used_at.map(|at| time("tokens.last_used_at", at)).transpose()?,
            in_file: false,
        })
    }
}

/// The token with this secret, and whom it acts for.
pub(crate) async fn by_secret(store: &Store, hash: &SecretHash) -> Result<Option<(Token, Option<Owner>)>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} WHERE secret_hash = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(hash.as_bytes().as_slice()).fetch_optional(store.reader()).await?;
    // The index compares hashes, about which a guess says nothing; this makes it hold for the last step as well.
    let row = row.filter(|row| hash.equals(&row.secret_hash));
    row.map(|row| Ok((row.owner()?, Token::try_from(row)?))).transpose().map(|found| found.map(|(o, t)| (t, o)))
}

/// The token with this id.
pub(crate) async fn by_id(store: &Store, id: &TokenId) -> Result<Option<Token>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} WHERE tokens.id = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(id.as_str()).fetch_optional(store.reader()).await?;
    row.map(Token::try_from).transpose()
}

/// The one token of a kind that belongs to a subject.
pub(crate) async fn by_subject(store: &Store, kind: TokenKind, subject: &str) -> Result<Option<Token>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} WHERE kind = $1 AND subject = $2"));
    let row: Option<Row> = sqlx::query_as(sql).bind(kind.as_str()).bind(subject).fetch_optional(store.reader()).await?;
    row.map(Token::try_from).transpose()
}

/// All of a kind, of one user or of all, by name.
pub(crate) async fn list(store: &Store, kind: TokenKind, user: Option<&UserId>) -> Result<Vec<Token>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} WHERE kind = $1 AND ($2 IS NULL OR user_id = $2) ORDER BY tokens.name, tokens.created_at"
    ));
    let rows: Vec<Row> =
        sqlx::query_as(sql).bind(kind.as_str()).bind(user.map(UserId::as_str)).fetch_all(store.reader()).await?;
    rows.into_iter().map(Token::try_from).collect()
}

/// How many there are of a kind.
pub(crate) async fn count(transaction: &mut Transaction, kind: TokenKind) -> Result<u32, StoreError> {
    let sql = "SELECT COUNT(*) FROM tokens WHERE kind = $1";
    Ok(sqlx::query_scalar(sql).bind(kind.as_str()).fetch_one(&mut **transaction).await?)
}

/// Keeps a token, unless there is one of that name or subject: then it tells so.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    token: &Token,
    hash: &SecretHash,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO tokens (id, kind, subject, user_id, name, prefix, suffix, secret_hash, scopes, role, created_at,
                             expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
    )
    .bind(token.id.as_str())
    .bind(token.kind.as_str())
    .bind(&token.subject)
    .bind(token.user.as_ref().map(UserId::as_str))
    .bind(&token.name)
    .bind(&token.prefix)
    .bind(&token.suffix)
    .bind(hash.as_bytes().as_slice())
    .bind(lines(&token.grant.scopes))
    .bind(token.grant.role.as_str())
    .bind(token.created_at.as_second())
    .bind(token.expires_at.map(Timestamp::as_second))
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Replaces the scopes of a token.
pub(crate) async fn rescope(transaction: &mut Transaction, id: &TokenId, scopes: &[Scope]) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET scopes = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(lines(scopes))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Replaces the secret of a token, only if it is still `old` where that is given, and tells whether it did.
pub(crate) async fn refresh(
    transaction: &mut Transaction,
    token: &Token,
    hash: &SecretHash,
    old: Option<&SecretHash>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE tokens SET secret_hash = $2, prefix = $3, suffix = $4 WHERE id = $1 AND ($5 IS NULL OR secret_hash = $5)",
    )
    .bind(token.id.as_str())
    .bind(hash.as_bytes().as_slice())
    .bind(&token.prefix)
    .bind(&token.suffix)
    .bind(old.map(|old| old.as_bytes().as_slice()))
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

fn lines(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::to_string).collect::<Vec<_>>().join("\n")
}
