//! Table `users`.

use homeport_service::Secret;
use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::UserId;

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    /// PHC text.
    pub(crate) password_hash: Secret<String>,
    /// The password was made by us, and nobody has changed it.
    pub(crate) must_change_password: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    password_hash: String,
    must_change_password: bool,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            password_hash: Secret::new(row.password_hash),
            must_change_password: row.must_change_password,
        }
    }
}

pub(crate) async fn by_name(store: &Store, name: &str) -> Result<Option<User>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, name, password_hash, must_change_password FROM users WHERE name = $1")
            .bind(name)
            .fetch_optional(store.reader())
            .await?;
    Ok(row.map(User::from))
}

/// Whether there is anybody.
pub(crate) async fn exists(store: &Store) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)").fetch_one(store.reader()).await?)
}

/// Whether somebody still has a password that we made.
pub(crate) async fn any_must_change(store: &Store) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE must_change_password)";
    Ok(sqlx::query_scalar(sql).fetch_one(store.reader()).await?)
}

pub(crate) async fn insert(transaction: &mut Transaction, user: &User, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, name, password_hash, must_change_password, created_at, password_changed_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
    )
    .bind(user.id.as_str())
    .bind(&user.name)
    .bind(user.password_hash.expose())
    .bind(user.must_change_password)
    .bind(now.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Sets a password that its user chose.
pub(crate) async fn set_password(
    transaction: &mut Transaction,
    id: &UserId,
    hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE users SET password_hash = $2, must_change_password = FALSE, password_changed_at = $3 WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(hash)
    .bind(now.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
