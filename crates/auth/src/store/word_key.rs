//! Table `word_keys`: keys that a person types, at most one of each kind.

use homeport_store::{StoreError, Transaction};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::{UserId, time};
use crate::credential::words::WordsHash;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    /// Another device, now.
    Device,
    /// The day on which every device is lost.
    Recovery,
}

impl WordKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Recovery => "recovery",
        }
    }

    /// Words of a key of this kind.
    pub(crate) const fn words(self) -> usize {
        match self {
            Self::Device => 12,
            Self::Recovery => 18,
        }
    }
}

/// A key, without its words.
#[derive(Debug, Clone)]
pub(crate) struct WordKey {
    /// Whom devices act for that are let in by it.
    pub(crate) user: Option<UserId>,
    pub(crate) hash: Vec<u8>,
    pub(crate) created_at: Timestamp,
    /// None: never.
    pub(crate) expires_at: Option<Timestamp>,
    /// None: as often as one likes.
    pub(crate) uses_left: Option<u32>,
}

impl WordKey {
    /// Neither expired nor used up.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now) && self.uses_left != Some(0)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: Option<String>,
    hash: Vec<u8>,
    created_at: i64,
    expires_at: Option<i64>,
    uses_left: Option<i64>,
}

impl TryFrom<Row> for WordKey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let uses = |left: i64| u32::try_from(left).map_err(|error| StoreError::corrupt("word_keys.uses_left", error));
        Ok(Self {
            user: row.user_id.map(UserId::from),
            hash: row.hash,
            created_at: time("word_keys.created_at", row.created_at)?,
            expires_at: row.expires_at.map(|at| time("word_keys.expires_at", at)).transpose()?,
            uses_left: row.uses_left.map(uses).transpose()?,
        })
    }
}

/// The key of a kind. Inside a transaction two devices with the same words come one after the other.
pub(crate) async fn get(connection: &mut SqliteConnection, kind: WordKind) -> Result<Option<WordKey>, StoreError> {
    let sql = "SELECT user_id, hash, created_at, expires_at, uses_left FROM word_keys WHERE kind = $1";
    let row: Option<Row> = sqlx::query_as(sql).bind(kind.as_str()).fetch_optional(connection).await?;
    row.map(WordKey::try_from).transpose()
}

/// Puts a key in place of the one before.
pub(crate) async fn put(
    transaction: &mut Transaction,
    kind: WordKind,
    key: &WordKey,
    hash: &WordsHash,
) -> Result<(), StoreError> {
    delete(transaction, kind).await?;
    sqlx::query(
        "INSERT INTO word_keys (kind, user_id, hash, created_at, expires_at, uses_left) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(kind.as_str())
    .bind(key.user.as_ref().map(UserId::as_str))
    .bind(hash.as_bytes().as_slice())
    .bind(key.created_at.as_second())
    .bind(key.expires_at.map(Timestamp::as_second))
    .bind(key.uses_left.map(i64::from))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes that a key was used once.
pub(crate) async fn used(transaction: &mut Transaction, kind: WordKind) -> Result<(), StoreError> {
    sqlx::query("UPDATE word_keys SET uses_left = uses_left - 1 WHERE kind = $1 AND uses_left > 0")
        .bind(kind.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Forgets a key, and tells whether there was one.
pub(crate) async fn delete(transaction: &mut Transaction, kind: WordKind) -> Result<bool, StoreError> {
    let done =
        sqlx::query("DELETE FROM word_keys WHERE kind = $1").bind(kind.as_str()).execute(&mut **transaction).await?;
    Ok(done.rows_affected() > 0)
}
