//! Table `sessions`: who is signed in. A session that has ended is no longer in it.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::{SessionId, UserId, time};

/// A session to be kept.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) user: &'a UserId,
    /// Where the user signed in from. Empty: not known.
    pub(crate) address: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A session that goes on, and whose it is.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) user: UserId,
    pub(crate) user_name: String,
    pub(crate) expires_at: Timestamp,
}

/// Keeps a session, and of the user's others the newest, so that there are `count_max`.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    session: NewSession<'_>,
    count_max: u32,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO sessions (id, user_id, address, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(session.id.as_str())
        .bind(session.user.as_str())
        .bind(session.address)
        .bind(session.created_at.as_second())
        .bind(session.expires_at.as_second())
        .execute(&mut **transaction)
        .await?;
    sqlx::query(
        "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 AND id NOT IN
            (SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 ORDER BY created_at DESC, id LIMIT $3)",
    )
    .bind(session.user.as_str())
    .bind(session.id.as_str())
    .bind(count_max.saturating_sub(1))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(crate) async fn get(store: &Store, id: &SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let row: Option<(String, String, i64)> = sqlx::query_as(
        "SELECT users.id, users.name, sessions.expires_at
         FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.id = $1 AND sessions.expires_at > $2",
    )
    .bind(id.as_str())
    .bind(now.as_second())
    .fetch_optional(store.reader())
    .await?;
    row.map(|(user, user_name, expires_at)| {
        Ok(Session { user: user.into(), user_name, expires_at: time("sessions.expires_at", expires_at)? })
    })
    .transpose()
}

/// Ends a session, and tells whether it was going on.
pub(crate) async fn delete(transaction: &mut Transaction, id: &SessionId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id.as_str()).execute(&mut **transaction).await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a user's sessions but the one given.
pub(crate) async fn delete_others(
    transaction: &mut Transaction,
    user: &UserId,
    kept: Option<&SessionId>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user.as_str())
        .bind(kept.map_or("", SessionId::as_str))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Forgets those that have expired, and tells how many.
pub(crate) async fn prune(transaction: &mut Transaction, now: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
        .bind(now.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected())
}
