//! Table `sessions`: who is signed in. A session that has ended is no longer in it.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

use super::{SessionId, UserId, time};
use crate::role::Role;

/// A session to be kept.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) user: &'a UserId,
    /// Where the user signed in from. Empty: not known.
    pub(crate) address: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A session that goes on, and whose it is.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) user: UserId,
    pub(crate) user_name: String,
    pub(crate) role: Role,
    pub(crate) disabled: bool,
    pub(crate) expires_at: Timestamp,
    pub(crate) last_activity_at: Timestamp,
}

/// A session as its user sees it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: SessionId,
    pub(crate) address: String,
    pub(crate) user_agent: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_activity_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// Keeps a session, and of the user's others the newest, so that there are `count_max`. Returns those that ended.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    session: NewSession<'_>,
    count_max: u32,
) -> Result<Vec<SessionId>, StoreError> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, address, user_agent, created_at, last_activity_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)",
    )
    .bind(session.id.as_str())
    .bind(session.user.as_str())
    .bind(session.address)
    .bind(session.user_agent)
    .bind(session.created_at.as_second())
    .bind(session.expires_at.as_second())
    .execute(&mut **transaction)
    .await?;
    let ended: Vec<String> = sqlx::query_scalar(
        "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 AND id NOT IN
            (SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 ORDER BY created_at DESC, id LIMIT $3)
         RETURNING id",
    )
    .bind(session.user.as_str())
    .bind(session.id.as_str())
    .bind(count_max.saturating_sub(1))
    .fetch_all(&mut **transaction)
    .await?;
    Ok(ended.into_iter().map(SessionId::from).collect())
}

pub(crate) async fn get(store: &Store, id: &SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let row: Option<(String, String, String, bool, i64, i64)> = sqlx::query_as(
        "SELECT users.id, users.name, users.role, users.disabled, sessions.expires_at, sessions.last_activity_at
         FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.id = $1 AND sessions.expires_at > $2",
    )
    .bind(id.as_str())
    .bind(now.as_second())
    .fetch_optional(store.reader())
    .await?;
    row.map(|(user, user_name, role, disabled, expires_at, last_activity_at)| {
        Ok(Session {
            user: user.into(),
            user_name,
            role: role.parse().map_err(|error| StoreError::corrupt("users.role", error))?,
            disabled,
            expires_at: time("sessions.expires_at", expires_at)?,
            last_activity_at: time("sessions.last_activity_at", last_activity_at)?,
        })
    })
    .transpose()
}

/// A user's sessions that go on, newest first.
pub(crate) async fn list(store: &Store, user: &UserId, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
    let rows: Vec<(String, String, String, i64, i64, i64)> = sqlx::query_as(
        "SELECT id, address, user_agent, created_at, last_activity_at, expires_at
         FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id",
    )
    .bind(user.as_str())
    .bind(now.as_second())
    .fetch_all(store.reader())
    .await?;
    rows.into_iter()
        .map(|(id, address, user_agent, created_at, last_activity_at, expires_at)| {
            Ok(Listed {
                id: id.into(),
                address,
                user_agent,
                created_at: time("sessions.created_at", created_at)?,
                last_activity_at: time("sessions.last_activity_at", last_activity_at.max(created_at))?,
                expires_at: time("sessions.expires_at", expires_at)?,
            })
        })
        .collect()
}

/// Notes that a session was used.
pub(crate) async fn used(transaction: &mut Transaction, id: &SessionId, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE sessions SET last_activity_at = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(at.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Ends a session, and tells whether it was going on. With a user, only if it is that user's.
pub(crate) async fn delete(
    transaction: &mut Transaction,
    id: &SessionId,
    user: Option<&UserId>,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE id = $1 AND ($2 IS NULL OR user_id = $2)")
        .bind(id.as_str())
        .bind(user.map(UserId::as_str))
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a user's sessions but the one given, and tells which.
pub(crate) async fn delete_others(
    transaction: &mut Transaction,
    user: &UserId,
    kept: Option<&SessionId>,
) -> Result<Vec<SessionId>, StoreError> {
    let ended: Vec<String> = sqlx::query_scalar("DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id")
        .bind(user.as_str())
        .bind(kept.map_or("", SessionId::as_str))
        .fetch_all(&mut **transaction)
        .await?;
    Ok(ended.into_iter().map(SessionId::from).collect())
}

/// Forgets those that have expired, and tells how many.
pub(crate) async fn prune(transaction: &mut Transaction, now: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
        .bind(now.as_second())
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected())
}
