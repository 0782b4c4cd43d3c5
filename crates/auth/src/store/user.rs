//! Table `users`.

use homeport_service::Secret;
use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::{UserId, time};
use crate::role::Role;

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    /// Empty: not known.
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) disabled: bool,
    /// PHC text, or `$2b$…`.
    pub(crate) password_hash: Secret<String>,
    /// The password was made by us or an administrator, and its user has not changed it.
    pub(crate) must_change_password: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) last_login_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, name, email, role, disabled, password_hash, must_change_password, created_at, updated_at, \
                       last_login_at";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    email: String,
    role: String,
    disabled: bool,
    password_hash: String,
    must_change_password: bool,
    created_at: i64,
    updated_at: Option<i64>,
    last_login_at: Option<i64>,
}

impl TryFrom<Row> for User {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            name: row.name,
            email: row.email,
            role: row.role.parse().map_err(|error| StoreError::corrupt("users.role", error))?,
            disabled: row.disabled,
            password_hash: Secret::new(row.password_hash),
            must_change_password: row.must_change_password,
            created_at: time("users.created_at", row.created_at)?,
            updated_at: row.updated_at.map(|at| time("users.updated_at", at)).transpose()?,
            last_login_at: row.last_login_at.map(|at| time("users.last_login_at", at)).transpose()?,
        })
    }
}

pub(crate) async fn by_name(store: &Store, name: &str) -> Result<Option<User>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM users WHERE name = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(name).fetch_optional(store.reader()).await?;
    row.map(User::try_from).transpose()
}

pub(crate) async fn by_id(store: &Store, id: &UserId) -> Result<Option<User>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM users WHERE id = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(id.as_str()).fetch_optional(store.reader()).await?;
    row.map(User::try_from).transpose()
}

/// The same inside a transaction: what is read stays so until it is written.
pub(crate) async fn by_id_within(transaction: &mut Transaction, id: &UserId) -> Result<Option<User>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM users WHERE id = $1"));
    let row: Option<Row> = sqlx::query_as(sql).bind(id.as_str()).fetch_optional(&mut **transaction).await?;
    row.map(User::try_from).transpose()
}

/// All of them, by name.
pub(crate) async fn list(store: &Store) -> Result<Vec<User>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM users ORDER BY name"));
    let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(store.reader()).await?;
    rows.into_iter().map(User::try_from).collect()
}

/// Whether there is anybody.
pub(crate) async fn exists(store: &Store) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)").fetch_one(store.reader()).await?)
}

/// How many there are.
pub(crate) async fn count(transaction: &mut Transaction) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&mut **transaction).await?)
}

/// How many may administer.
pub(crate) async fn administrators(transaction: &mut Transaction) -> Result<u32, StoreError> {
    let sql = "SELECT COUNT(*) FROM users WHERE role = 'admin' AND NOT disabled";
    Ok(sqlx::query_scalar(sql).fetch_one(&mut **transaction).await?)
}

/// Whether somebody still has a password that somebody else made.
pub(crate) async fn must_change(store: &Store, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE must_change_password AND name = $1)";
    Ok(sqlx::query_scalar(sql).bind(name).fetch_one(store.reader()).await?)
}

/// The beginnings of the hashes that are in use, up to the second dollar.
pub(crate) async fn schemes(store: &Store) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT substr(password_hash, 1, 7) FROM users";
    Ok(sqlx::query_scalar(sql).fetch_all(store.reader()).await?)
}

/// Keeps a user, unless there is one of that name or id: then it tells so.
pub(crate) async fn insert(transaction: &mut Transaction, user: &User) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO users (id, name, email, role, disabled, password_hash, must_change_password, created_at,
                            password_changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING",
    )
    .bind(user.id.as_str())
    .bind(&user.name)
    .bind(&user.email)
    .bind(user.role.as_str())
    .bind(user.disabled)
    .bind(user.password_hash.expose())
    .bind(user.must_change_password)
    .bind(user.created_at.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Changes what can be changed but the password.
pub(crate) async fn update(transaction: &mut Transaction, user: &User, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET email = $2, role = $3, disabled = $4, updated_at = $5 WHERE id = $1")
        .bind(user.id.as_str())
        .bind(&user.email)
        .bind(user.role.as_str())
        .bind(user.disabled)
        .bind(now.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Sets a password, chosen by its user or to be changed by its user.
pub(crate) async fn set_password(
    transaction: &mut Transaction,
    id: &UserId,
    hash: &str,
    must_change: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE users SET password_hash = $2, must_change_password = $3, password_changed_at = $4, updated_at = $4
         WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(hash)
    .bind(must_change)
    .bind(now.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Puts another hash of the same password in place of one, unless that has been changed meanwhile.
pub(crate) async fn rehash(transaction: &mut Transaction, user: &User, hash: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(user.id.as_str())
        .bind(user.password_hash.expose())
        .bind(hash)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Notes that somebody signed in.
pub(crate) async fn signed_in(transaction: &mut Transaction, id: &UserId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET last_login_at = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(now.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Deletes a user, with sessions, tokens and stars.
pub(crate) async fn delete(transaction: &mut Transaction, id: &UserId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM users WHERE id = $1").bind(id.as_str()).execute(&mut **transaction).await?;
    Ok(())
}
