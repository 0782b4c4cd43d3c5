//! From the bus into the table, from where it was.

use std::time::Duration;

use futures::StreamExt as _;
use homeport_bus_client::{Cursor, Replay, subscribe_from};
use homeport_service::{
    Context,
    clock::{Clock as _, SystemClock},
    telemetry::chain,
};
use homeport_store::StoreError;

use crate::{
    config::Config,
    events::{Event, Events},
};

/// Events that are written together: one wait for the disk for all that came meanwhile.
const BATCH: usize = 500;
/// What a full disk or a locked file is waited for.
const PAUSE: Duration = Duration::from_secs(1);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Keeps events and deletes old ones until the context drains.
pub(crate) async fn run(context: Context, events: Events, config: Config) {
    let drain = context.drain().clone();
    let socket = context.paths().socket("bus");
    let work = async {
        tokio::join!(follow(socket, &events, &config), sweep(&events, &config));
    };
    drain.run_until_cancelled(work).await;
}

async fn follow(socket: std::path::PathBuf, events: &Events, config: &Config) {
    let cursor = loop {
        match events.last().await {
            Ok(last) => break last.and_then(|id| u64::try_from(id).ok()).map_or(Cursor::Earliest, Cursor::After),
            Err(error) => wait_for_the_disk(&error).await,
        }
    };
    let mut stream = subscribe_from(socket, config.topics.clone(), cursor).ready_chunks(BATCH);
    while let Some(batch) = stream.next().await {
        let mut new = Vec::with_capacity(batch.len());
        for message in batch {
            match message {
                Replay::Event(event) => new.extend(read(event)),
                Replay::Gap(gap) => tracing::warn!(?gap, "the bus no longer has some events"),
                Replay::Lost(reason) => tracing::warn!(reason, "the bus is away; waiting for it"),
                Replay::Connected | Replay::CaughtUp => {}
            }
        }
        // The stream waits meanwhile, and the bus keeps what comes.
        while let Err(error) = events.keep(&new).await {
            wait_for_the_disk(&error).await;
        }
    }
}

fn read(event: homeport_proto::bus::v1::Event) -> Option<Event> {
    let at = event.time.map_or(0, |time| time.seconds * 1000 + i64::from(time.nanos) / 1_000_000);
    Some(Event { id: i64::try_from(event.id).ok()?, at, topic: event.topic, value: event.value })
}

async fn sweep(events: &Events, config: &Config) {
    loop {
        let oldest = SystemClock.now().as_millisecond() - i64::from(config.retention_days) * DAY_MS;
        let bytes = i64::try_from(config.retention_bytes).unwrap_or(i64::MAX);
        match events.sweep(oldest, bytes).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "old events are gone"),
            Err(error) => tracing::warn!(error = chain(&error), "old events could not be deleted"),
        }
        tokio::time::sleep(Duration::from_millis(config.sweep_ms.max(100))).await;
    }
}

async fn wait_for_the_disk(error: &StoreError) {
    tracing::warn!(error = chain(error), "the database cannot be used; trying again");
    tokio::time::sleep(PAUSE).await;
}
