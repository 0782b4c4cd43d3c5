//! Who did what, and who was refused: written in a chain that shows when a row was changed, and read.

pub(crate) mod chain;
pub(crate) mod follow;
mod verify;

use std::time::Duration;

use homeport_store::Store;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    error::AuthError,
    store::audit::{self as table, Filter, Row},
};

pub(crate) use chain::{Entry, Outcome};
pub(crate) use verify::{Head, Verdict};

/// Entries that are written at once.
pub(crate) const BATCH_MAX: usize = 1000;

/// The record.
#[derive(Debug)]
pub(crate) struct Audit {
    store: Store,
    rows_max: u32,
    /// Number of the newest row.
    newest: watch::Sender<i64>,
}

impl Audit {
    pub(crate) fn new(store: Store, rows_max: u32) -> Self {
        Self { store, rows_max: rows_max.max(1), newest: watch::Sender::new(0) }
    }

    /// Writes entries in their order. When this returns they are on the disk.
    pub(crate) async fn append(&self, entries: Vec<Entry>, now: Timestamp) -> Result<(), AuthError> {
        if entries.len() > BATCH_MAX {
            return Err(AuthError::TooManyEntries { limit: BATCH_MAX });
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.write(entries, None, now).await
    }

    /// Writes what an event of the bus tells, unless that event or a later one was written before.
    pub(crate) async fn append_event(&self, entry: Entry, event: i64, now: Timestamp) -> Result<(), AuthError> {
        self.write(vec![entry], Some(event), now).await
    }

    /// The event that was written last.
    pub(crate) async fn cursor(&self) -> Result<Option<i64>, AuthError> {
        Ok(table::cursor(&self.store).await?)
    }

    async fn write(&self, entries: Vec<Entry>, event: Option<i64>, now: Timestamp) -> Result<(), AuthError> {
        let mut transaction = self.store.begin().await?;
        if let Some(event) = event
            && !table::advance_cursor(&mut transaction, event).await?
        {
            return Ok(());
        }
        let ends = table::ends(&mut transaction).await?;
        let (mut number, mut hash) = (ends.last_number, chain::Hash::default());
        // What is not 32 bytes long is found by whoever verifies.
        if let Ok(last) = chain::Hash::try_from(ends.last_hash.as_slice()) {
            hash = last;
        }
        for mut entry in entries {
            entry.limit(now);
            number += 1;
            hash = entry.hash_after(&hash, number);
            table::insert(&mut transaction, number, &entry, &hash).await?;
        }
        table::advance(&mut transaction, number, &hash).await?;
        // In steps, so that not every row that is written removes one.
        let most = i64::from(self.rows_max);
        if number - ends.first_number > most + most / 64 {
            table::prune(&mut transaction, number - most).await?;
        }
        transaction.commit().await?;
        self.newest.send_replace(number);
        Ok(())
    }

    /// The newest rows that a filter lets through, and how many it lets through.
    pub(crate) async fn newest(&self, filter: &Filter, limit: u32, offset: u32) -> Result<(Vec<Row>, u32), AuthError> {
        Ok(table::newest(&self.store, filter, limit, offset).await?)
    }

    /// The rows after one that a filter lets through, oldest first. Waits for a while when there are none.
    pub(crate) async fn after(
        &self,
        filter: &Filter,
        number: i64,
        limit: u32,
        wait: Duration,
    ) -> Result<Vec<Row>, AuthError> {
        let mut newest = self.newest.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            newest.mark_unchanged();
            let rows = table::after(&self.store, filter, number, limit).await?;
            if !rows.is_empty() || tokio::time::timeout_at(deadline, newest.changed()).await.is_err() {
                return Ok(rows);
            }
        }
    }

    /// Follows the chain from its beginning to its end, in which a row has to be that somebody kept elsewhere.
    pub(crate) async fn verify(&self, kept: Option<Head>) -> Result<Verdict, AuthError> {
        verify::verify(&self.store, kept).await
    }
}
