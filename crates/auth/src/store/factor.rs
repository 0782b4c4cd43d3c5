//! Table `factors`: one row for each user who has begun to have a second factor.

use homeport_service::Secret;
use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::UserId;

/// What codes are made of, and how far they were used.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    /// None: none that counts.
    pub(crate) secret: Option<Secret<Vec<u8>>>,
    /// One whose first code has not been seen.
    pub(crate) pending: Option<Secret<Vec<u8>>>,
    pub(crate) always_on: bool,
    /// Step of the last code that was right.
    pub(crate) last_step: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    secret: Option<Vec<u8>>,
    pending: Option<Vec<u8>>,
    always_on: bool,
    last_step: i64,
}

impl TryFrom<Row> for Factor {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            secret: row.secret.map(Secret::new),
            pending: row.pending.map(Secret::new),
            always_on: row.always_on,
            last_step: u64::try_from(row.last_step).map_err(|error| StoreError::corrupt("factors.last_step", error))?,
        })
    }
}

/// What a request needs to know: whether a user has a second factor, and whether it is always needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Enrolment {
    pub(crate) enrolled: bool,
    pub(crate) always_on: bool,
}

const SELECT: &str = "SELECT secret, pending, always_on, last_step FROM factors WHERE user_id = $1";

/// The factor of a user.
pub(crate) async fn get(store: &Store, user: &UserId) -> Result<Option<Factor>, StoreError> {
    let row: Option<Row> = sqlx::query_as(SELECT).bind(user.as_str()).fetch_optional(store.reader()).await?;
    row.map(Factor::try_from).transpose()
}

/// The same inside a transaction: two requests with one code come one after the other.
pub(crate) async fn get_within(transaction: &mut Transaction, user: &UserId) -> Result<Option<Factor>, StoreError> {
    let row: Option<Row> = sqlx::query_as(SELECT).bind(user.as_str()).fetch_optional(&mut **transaction).await?;
    row.map(Factor::try_from).transpose()
}

/// What a request of a user needs to know.
pub(crate) async fn enrolment(store: &Store, user: &UserId) -> Result<Enrolment, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM factors WHERE user_id = $1 AND secret IS NOT NULL)
                   OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1),
                      EXISTS (SELECT 1 FROM factors WHERE user_id = $1 AND secret IS NOT NULL AND always_on)";
    let (enrolled, always_on): (bool, bool) = sqlx::query_as(sql).bind(user.as_str()).fetch_one(store.reader()).await?;
    Ok(Enrolment { enrolled, always_on })
}

/// Whether anybody at all has a second factor.
pub(crate) async fn anybody(store: &Store) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM factors WHERE secret IS NOT NULL) OR EXISTS (SELECT 1 FROM passkeys)";
    Ok(sqlx::query_scalar(sql).fetch_one(store.reader()).await?)
}

/// Puts a secret that waits for its first code; one that counts goes on.
pub(crate) async fn put_pending(
    transaction: &mut Transaction,
    user: &UserId,
    secret: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO factors (user_id, pending, always_on, last_step, created_at) VALUES ($1, $2, FALSE, 0, $3)
         ON CONFLICT (user_id) DO UPDATE SET pending = excluded.pending",
    )
    .bind(user.as_str())
    .bind(secret)
    .bind(now.as_second())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes a right code. With `confirm` the secret that waited is the one that counts from now on.
pub(crate) async fn used(
    transaction: &mut Transaction,
    user: &UserId,
    step: u64,
    confirm: bool,
) -> Result<(), StoreError> {
    let sql = if confirm {
        "UPDATE factors SET last_step = $2, secret = pending, pending = NULL WHERE user_id = $1"
    } else {
        "UPDATE factors SET last_step = $2 WHERE user_id = $1"
    };
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    sqlx::query(sql).bind(user.as_str()).bind(step).execute(&mut **transaction).await?;
    Ok(())
}

/// Says when the factor is needed.
pub(crate) async fn set_always_on(transaction: &mut Transaction, user: &UserId, on: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE factors SET always_on = $2 WHERE user_id = $1")
        .bind(user.as_str())
        .bind(on)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Forgets a secret that waits for its first code, unless another counts.
pub(crate) async fn delete_unconfirmed(transaction: &mut Transaction, user: &UserId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM factors WHERE user_id = $1 AND secret IS NULL")
        .bind(user.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Takes the factor away, and tells whether there was one.
pub(crate) async fn delete(transaction: &mut Transaction, user: &UserId) -> Result<bool, StoreError> {
    let done =
        sqlx::query("DELETE FROM factors WHERE user_id = $1").bind(user.as_str()).execute(&mut **transaction).await?;
    Ok(done.rows_affected() > 0)
}
