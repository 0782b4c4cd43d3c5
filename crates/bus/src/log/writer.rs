//! The one who writes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use homeport_proto::bus::v1;
use homeport_service::telemetry::chain;
use homeport_store::{StoreError, Transaction};
use prost::Message as _;
use sqlx::Row as _;

use super::{Log, RESERVE, set_mark, signed};
use crate::{
    broker::{Broker, Event, Pending, Published, now_ms},
    config::StoreSection,
};

/// Topic of the report that events cannot be stored, and of the one that they can be again.
const STORE_TOPIC: &str = "bus:store";
/// Bytes of one row; one event may go beyond it.
const ROW_BYTES: usize = 64 << 10;
/// Rows that are deleted at a time.
const EXPIRED_ROWS: i64 = 256;
/// Between two looks at what is too old.
const TICK: Duration = Duration::from_secs(1);

/// Stores what the broker has to store.
#[derive(Debug)]
pub(crate) struct Writer {
    log: Arc<Log>,
    broker: Broker,
    bytes_max: i64,
    age_max_ms: i64,
    /// What the disk did not take, and the newest id with it. It is tried again before anything else.
    failed: Option<(Vec<Pending>, u64)>,
}

impl Writer {
    pub(crate) fn new(log: Arc<Log>, broker: Broker, config: &StoreSection) -> Self {
        let bytes_max = signed(config.bytes);
        Self { log, broker, bytes_max, age_max_ms: i64::from(config.hours) * 3_600_000, failed: None }
    }

    /// Writes until the broker drains, and then what it took before.
    pub(crate) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            let draining = self.broker.is_draining();
            self.write().await;
            if draining {
                break;
            }
            tokio::select! {
                _ = tick.tick() => if self.failed.is_none() { self.expire_all().await },
                () = self.broker.pending() => {}
            }
            // While the disk takes nothing it is tried once a tick, and whoever waits for it is told to go on without.
            while self.failed.is_some() && !self.broker.is_draining() {
                self.broker.storing_fails();
                tokio::select! {
                    _ = tick.tick() => break,
                    () = self.broker.pending() => {}
                }
            }
        }
        if let Some((pending, last_id)) = self.failed.take() {
            tracing::error!(bus.events = pending.len(), "the bus stops, and these events are not on disk");
            self.broker.lose(last_id, pending.len() as u64);
        }
        self.broker.settle(u64::MAX);
        self.log.close().await;
    }

    /// Writes what waits: first what could not be written before.
    async fn write(&mut self) {
        let again = self.failed.is_some();
        let (mut pending, last_id) = self.failed.take().unwrap_or_else(|| self.broker.take_pending());
        match self.try_write(&pending, last_id).await {
            Ok(()) => {
                self.broker.settle(last_id);
                for stored in pending.iter_mut().filter_map(|pending| pending.stored.take()) {
                    // Who does not wait any more does not want to know.
                    stored.send(()).unwrap_or_default();
                }
                if again {
                    tracing::info!("events are stored again");
                    self.broker.storing_works();
                    self.tell("ok");
                }
            }
            Err(error) => {
                for event in &mut pending {
                    // Who waits is told that it is not stored.
                    event.stored = None;
                }
                self.failed = Some((pending, last_id));
                self.broker.storing_fails();
                if again {
                    tracing::debug!(error = chain(&error), "events still cannot be stored");
                } else {
                    tracing::error!(error = chain(&error), "events cannot be stored; they wait until they can");
                    self.tell("failing");
                }
            }
        }
    }

    async fn try_write(&self, pending: &[Pending], last_id: u64) -> Result<(), StoreError> {
        let reserve = signed(last_id) + RESERVE / 2 > self.log.reserved.load(Ordering::Relaxed);
        if pending.is_empty() && !reserve {
            return Ok(());
        }
        let mut transaction = self.log.store.begin().await?;
        let mut bytes = 0;
        for row in rows(pending) {
            bytes += insert(&mut transaction, row).await?;
        }
        if reserve {
            set_mark(&mut transaction, "reserved", signed(last_id) + RESERVE).await?;
        }
        transaction.commit().await?;
        if reserve {
            self.log.reserved.store(signed(last_id) + RESERVE, Ordering::Relaxed);
        }
        self.log.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.log.stored.fetch_add(pending.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Says once that storing fails, and once that it works again.
    fn tell(&self, state: &str) {
        let value = serde_json::json!({ "state": state, "not_stored": self.broker.statistics().not_stored });
        // Refused only while draining; the log has it.
        drop(self.broker.publish(Event::new(STORE_TOPIC, value.to_string())));
    }

    async fn expire_all(&self) {
        loop {
            match self.expire().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "events that are too old cannot be deleted");
                    return;
                }
            }
        }
    }

    /// Deletes the oldest rows that are too old or too much; true if there may be more.
    async fn expire(&self) -> Result<bool, StoreError> {
        let cutoff = now_ms() - self.age_max_ms;
        let mut bytes = self.log.bytes.load(Ordering::Relaxed);
        let rows = sqlx::query("SELECT last_id, time, bytes FROM batch ORDER BY last_id LIMIT $1")
            .bind(EXPIRED_ROWS)
            .fetch_all(self.log.store.reader())
            .await?;
        let (count, mut last) = (rows.len(), None);
        for row in rows {
            let (id, time, size): (i64, i64, i64) =
                (row.try_get("last_id")?, row.try_get("time")?, row.try_get("bytes")?);
            if time >= cutoff && bytes <= self.bytes_max {
                break;
            }
            bytes -= size;
            last = Some((id, time));
        }
        let Some((id, time)) = last else { return Ok(false) };
        let mut transaction = self.log.store.begin().await?;
        sqlx::query("DELETE FROM batch WHERE last_id <= $1").bind(id).execute(&mut *transaction).await?;
        set_mark(&mut transaction, "expired_to", id).await?;
        set_mark(&mut transaction, "expired_time", time).await?;
        transaction.commit().await?;
        self.log.bytes.store(bytes, Ordering::Relaxed);
        self.log.expired_time.store(time, Ordering::Relaxed);
        self.log.expired_to.store(id, Ordering::Relaxed);
        Ok(count == usize::try_from(EXPIRED_ROWS).unwrap_or_default())
    }
}

/// Cuts what waits into rows.
fn rows(pending: &[Pending]) -> impl Iterator<Item = &[Pending]> {
    let mut rest = pending;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |pending: &&Pending| {
            let fits = bytes == 0 || bytes + pending.event.size() <= ROW_BYTES;
            bytes += pending.event.size();
            fits
        };
        let count = rest.iter().take_while(fits).count();
        let (row, after) = rest.split_at(count);
        rest = after;
        Some(row).filter(|row| !row.is_empty())
    })
}

/// Answers the bytes that the row takes.
async fn insert(transaction: &mut Transaction, row: &[Pending]) -> Result<i64, StoreError> {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return Ok(0) };
    let mut events = Vec::new();
    for pending in row {
        message(&pending.event)
            .encode_length_delimited(&mut events)
            .map_err(|error| StoreError::corrupt("batch.events", error))?;
    }
    let bytes = i64::try_from(events.len()).unwrap_or(i64::MAX);
    sqlx::query("INSERT INTO batch (last_id, first_id, time, bytes, events) VALUES ($1, $2, $3, $4, $5)")
        .bind(signed(last.event.id))
        .bind(signed(first.event.id))
        .bind(last.event.time_ms)
        .bind(bytes)
        .bind(events)
        .execute(&mut **transaction)
        .await?;
    Ok(bytes)
}

/// An event as it is sent and stored.
pub(crate) fn message(event: &Published) -> v1::Event {
    let time = Some(timestamp(event.time_ms));
    v1::Event { id: event.id, topic: event.topic.clone(), value: event.value.clone(), time }
}

/// A point in time as it is sent and stored.
pub(crate) fn timestamp(time_ms: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time_ms.div_euclid(1000),
        nanos: i32::try_from(time_ms.rem_euclid(1000) * 1_000_000).unwrap_or_default(),
    }
}
