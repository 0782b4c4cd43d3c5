//! Answers on the disk: read at the start, written behind, all of a check in one transaction.

use std::time::Duration;

use homeport_service::{clock::Clock, telemetry::chain};
use homeport_store::{Schema, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;
use tokio_util::sync::CancellationToken;

use super::Client;

/// How long an answer may wait until it is on the disk. What a crash loses is asked again.
const DELAY: Duration = Duration::from_secs(5);

/// Answers older than this are of images that are gone.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Answers that are read at most; the newest ones.
const MAX_ANSWERS: i64 = 10_000;

/// An answer as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) question: String,
    pub(super) answer: String,
    /// How long ago it was given.
    pub(super) age: Duration,
}

/// The tables, for [`Store::open`].
pub fn schema() -> Schema {
    Schema { name: "registry", migrator: sqlx::migrate!("./migrations-registry") }
}

/// Hands a client the answers of earlier runs. When the newest of them was given, if there are any.
pub async fn load(store: &Store, client: &Client, clock: &dyn Clock) -> Result<Option<Timestamp>, StoreError> {
    let (now, mut newest) = (clock.now(), None);
    let mut connection = store.reader().acquire().await?;
    let rows =
        sqlx::query("SELECT question, answer, fetched_ms FROM registry_answer ORDER BY fetched_ms DESC LIMIT $1")
            .bind(MAX_ANSWERS)
            .fetch_all(&mut *connection)
            .await?;
    for row in rows {
        let fetched = Timestamp::from_millisecond(row.try_get("fetched_ms")?).unwrap_or(Timestamp::MIN);
        newest = newest.max(Some(fetched.min(now)));
        // An answer of the future is of a clock that was wrong: as old as can be.
        let age = Duration::try_from(now.duration_since(fetched)).unwrap_or(Duration::MAX);
        client.remember(&Kept { question: row.try_get("question")?, answer: row.try_get("answer")?, age });
    }
    Ok(newest)
}

/// Writes a client's answers until the drain, and then what is left.
pub async fn keep(store: Store, client: Client, clock: impl Clock, drain: CancellationToken) {
    loop {
        let over = tokio::time::timeout(DELAY, drain.cancelled()).await.is_ok();
        let answers = client.unsaved();
        if !answers.is_empty()
            && let Err(error) = write(&store, &answers, clock.now()).await
        {
            tracing::warn!(error = chain(&error), "what registries answered could not be kept");
        }
        if over {
            return;
        }
    }
}

async fn write(store: &Store, answers: &[Kept], now: Timestamp) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    for Kept { question, answer, age } in answers {
        let fetched = now.checked_sub(*age).unwrap_or(Timestamp::MIN);
        sqlx::query(
            "INSERT INTO registry_answer (question, answer, fetched_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (question) DO UPDATE SET answer = excluded.answer, fetched_ms = excluded.fetched_ms",
        )
        .bind(question)
        .bind(answer)
        .bind(fetched.as_millisecond())
        .execute(&mut *transaction)
        .await?;
    }
    let oldest = now.checked_sub(MAX_AGE).unwrap_or(Timestamp::MIN);
    sqlx::query("DELETE FROM registry_answer WHERE fetched_ms < $1")
        .bind(oldest.as_millisecond())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
