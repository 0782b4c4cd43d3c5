//! Events that are told exactly when the change they tell of was kept.
//!
//! [`append`] writes an event in the transaction of the change. [`relay`] takes them to the bus in order, each until it
//! was taken there once, which is written down before the next one; a crash in between tells that one twice.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use sqlx::Row as _;
use tokio_util::sync::CancellationToken;

use crate::{Schema, Store, StoreError, Transaction};

/// Events that were told stay for this many more, to be looked at when something went wrong.
const SENT_KEPT: i64 = 1_000;

/// Events that may wait while the bus is away: days of it. Beyond, the oldest are dropped and the log says so.
const UNSENT_LIMIT: i64 = 100_000;

/// Read at once.
const BATCH: i64 = 100;

/// Between two attempts to reach a bus that is away.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) fn schema() -> Schema {
    Schema { name: "outbox", migrator: sqlx::migrate!("./migrations") }
}

/// Writes an event, to be told once the transaction is committed.
pub async fn append(
    transaction: &mut Transaction,
    topic: &str,
    payload: &(impl Serialize + Sync),
) -> Result<(), StoreError> {
    let text = serde_json::to_string(payload).map_err(|error| StoreError::corrupt("outbox.payload", error))?;
    sqlx::query("INSERT INTO outbox (topic, payload) VALUES ($1, $2)")
        .bind(topic)
        .bind(text)
        .execute(&mut **transaction)
        .await?;
    transaction.has_events();
    Ok(())
}

/// Takes events to `deliver` in order until `drain` is cancelled, and by then those that are already written.
///
/// An error of `deliver` is tried again for as long as it takes; whoever implements it logs it.
pub async fn relay<D, F, E>(store: Store, drain: CancellationToken, deliver: D)
where
    D: Fn(String, Value) -> F,
    F: Future<Output = Result<(), E>>,
{
    let mut away = false;
    loop {
        let drained = drain.is_cancelled();
        let pause = match round(&store, &deliver).await {
            Ok(Round::More) => continue,
            Ok(Round::Done) => {
                away = false;
                None
            }
            Ok(Round::Refused) => {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!("the bus takes no events; they wait here until it does");
                }
                Some(RETRY)
            }
            Err(error) => {
                tracing::error!(error = %error, "cannot read the outbox");
                Some(RETRY)
            }
        };
        if drained {
            return;
        }
        tokio::select! {
            () = drain.cancelled() => {}
            () = store.appended().notified(), if pause.is_none() => {}
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }
}

enum Round {
    /// There may be more.
    More,
    /// All was told.
    Done,
    /// The bus did not take one.
    Refused,
}

async fn round<D, F, E>(store: &Store, deliver: &D) -> Result<Round, StoreError>
where
    D: Fn(String, Value) -> F,
    F: Future<Output = Result<(), E>>,
{
    let rows = sqlx::query("SELECT id, topic, payload FROM outbox WHERE sent = 0 ORDER BY id LIMIT $1")
        .bind(BATCH)
        .fetch_all(store.reader())
        .await?;
    for row in &rows {
        let payload = serde_json::from_str(&row.try_get::<String, _>("payload")?)
            .map_err(|error| StoreError::corrupt("outbox.payload", error))?;
        if deliver(row.try_get("topic")?, payload).await.is_err() {
            bound(store).await?;
            return Ok(Round::Refused);
        }
        remember(store, row.try_get("id")?).await?;
    }
    Ok(if rows.is_empty() { Round::Done } else { Round::More })
}

/// Writes down that an event was told. The bus waited for its disk as well, so this makes a backlog twice as long at worst.
async fn remember(store: &Store, id: i64) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    sqlx::query("UPDATE outbox SET sent = 1 WHERE id = $1").bind(id).execute(&mut *transaction).await?;
    sqlx::query("DELETE FROM outbox WHERE sent = 1 AND id <= $1")
        .bind(id - SENT_KEPT)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

async fn bound(store: &Store) -> Result<(), StoreError> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(id) FROM outbox").fetch_one(store.reader()).await?;
    let limit = newest.unwrap_or_default() - UNSENT_LIMIT;
    if limit <= 0 {
        return Ok(());
    }
    let mut transaction = store.begin().await?;
    let dropped = sqlx::query("DELETE FROM outbox WHERE sent = 0 AND id <= $1")
        .bind(limit)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    transaction.commit().await?;
    if dropped > 0 {
        tracing::warn!(dropped, "the bus has been away for too long: the oldest events were dropped");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    async fn store(directory: &tempfile::TempDir) -> Store {
        Store::open(&directory.path().join("test.db"), vec![]).await.unwrap()
    }

    async fn put(store: &Store, topics: std::ops::Range<u32>) {
        let mut transaction = store.begin().await.unwrap();
        for number in topics {
            append(&mut transaction, "t", &number).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    /// Relays until `count` events were taken; the first `failures` attempts are refused.
    async fn take(store: &Store, count: usize, failures: usize) -> Vec<u64> {
        let seen = Arc::new(Mutex::new((Vec::new(), failures)));
        let drain = CancellationToken::new();
        let (shared, stop) = (Arc::clone(&seen), drain.clone());
        let deliver = move |_, value: Value| {
            let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let result = if seen.1 > 0 {
                seen.1 -= 1;
                Err(())
            } else {
                seen.0.push(value.as_u64().unwrap());
                Ok(())
            };
            if seen.0.len() == count {
                stop.cancel();
            }
            async move { result }
        };
        relay(store.clone(), drain, deliver).await;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.clone()
    }

    #[tokio::test]
    async fn events_keep_their_order_over_refusals_and_restarts() {
        let directory = tempfile::tempdir().unwrap();
        let first = store(&directory).await;
        put(&first, 0..250).await;
        assert_eq!(take(&first, 250, 2).await, (0..250).collect::<Vec<u64>>());
        put(&first, 250..252).await;
        first.close().await;
        let second = store(&directory).await;
        assert_eq!(take(&second, 2, 0).await, [250, 251]);
    }

    #[tokio::test]
    async fn a_crash_tells_at_most_one_event_twice() {
        let directory = tempfile::tempdir().unwrap();
        let first = store(&directory).await;
        put(&first, 0..50).await;
        // Ends while the 31st is on its way: what a crash leaves behind.
        let (taken, reached) = tokio::sync::watch::channel(0);
        let deliver = |_, value: Value| {
            let number = value.as_u64().unwrap();
            taken.send_replace(number);
            async move { if number == 30 { std::future::pending().await } else { Ok::<(), ()>(()) } }
        };
        let mut reached = reached.clone();
        tokio::select! {
            () = relay(first.clone(), CancellationToken::new(), deliver) => unreachable!("it hangs at the 31st"),
            seen = reached.wait_for(|number| *number == 30) => drop(seen.unwrap()),
        }
        first.close().await;
        let second = store(&directory).await;
        assert_eq!(take(&second, 20, 0).await, (30..50).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn what_was_sent_is_forgotten_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory).await;
        put(&store, 0..1_300).await;
        take(&store, 1_300, 0).await;
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox").fetch_one(store.reader()).await.unwrap();
        assert_eq!(left, SENT_KEPT);
    }
}
