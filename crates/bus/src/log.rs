//! Events on disk.
//!
//! Whatever waits when the writer is free becomes one transaction and mostly one row, so that many publishers share the
//! wait for the disk. A row holds encoded events and is only read as a whole.

mod ahead;
mod groups;
mod writer;

use std::{
    collections::VecDeque,
    path::Path,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

use ahead::Row;
pub(crate) use ahead::{Ahead, Page};
use futures::TryStreamExt as _;
pub(crate) use groups::{GroupError, Groups};
use homeport_store::{Schema, Store, StoreError, Transaction};
use sqlx::Row as _;
pub(crate) use writer::{Writer, message, timestamp};

/// Ids that are set aside at a time. None of them is given again after a crash, stored or not.
const RESERVE: i64 = 1 << 20;
/// Bytes read at a time; one row may go beyond it.
const READ_BYTES: usize = 64 << 10;
/// Rows read at a time.
const READ_ROWS: i64 = 256;

/// The database of the bus.
#[derive(Debug)]
pub(crate) struct Log {
    store: Store,
    bytes: AtomicI64,
    stored: AtomicU64,
    expired_to: AtomicI64,
    expired_time: AtomicI64,
    /// Where ids begin.
    last_id: u64,
    reserved: AtomicI64,
}

impl Log {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let schema = Schema { name: "bus", migrator: sqlx::migrate!("./migrations") };
        let store = Store::open(path, vec![schema]).await?;
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT MAX(last_id) FROM batch").fetch_one(store.reader()).await?;
        let bytes: Option<i64> = sqlx::query_scalar("SELECT SUM(bytes) FROM batch").fetch_one(store.reader()).await?;
        let last_id = mark(&store, "reserved").await?.max(newest.unwrap_or_default());
        let mut transaction = store.begin().await?;
        set_mark(&mut transaction, "reserved", last_id + RESERVE).await?;
        transaction.commit().await?;
        Ok(Self {
            bytes: AtomicI64::new(bytes.unwrap_or_default()),
            stored: AtomicU64::new(0),
            expired_to: AtomicI64::new(mark(&store, "expired_to").await?),
            expired_time: AtomicI64::new(mark(&store, "expired_time").await?),
            last_id: unsigned(last_id),
            reserved: AtomicI64::new(last_id + RESERVE),
            store,
        })
    }

    /// The id before the first one that this process may give.
    pub(crate) const fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Bytes of events that are kept, and how many were stored since the start.
    pub(crate) fn figures(&self) -> (u64, u64) {
        (unsigned(self.bytes.load(Ordering::Relaxed)), self.stored.load(Ordering::Relaxed))
    }

    /// The newest id that is kept no more.
    pub(crate) fn expired_to(&self) -> u64 {
        unsigned(self.expired_to.load(Ordering::Relaxed))
    }

    /// The rows behind an id, as many as fit into memory well.
    async fn rows(&self, after: u64) -> Result<VecDeque<Row>, StoreError> {
        let mut rows = sqlx::query("SELECT last_id, events FROM batch WHERE last_id > $1 ORDER BY last_id LIMIT $2")
            .bind(signed(after))
            .bind(READ_ROWS)
            .fetch(self.store.reader());
        let (mut read, mut bytes) = (VecDeque::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let events: Vec<u8> = row.try_get("events")?;
            bytes += events.len();
            read.push_back(Row { last_id: unsigned(row.try_get("last_id")?), events: events.into() });
            if bytes >= READ_BYTES {
                break;
            }
        }
        Ok(read)
    }

    /// The newest id on disk with a time before this one, to within one row; older events are never left out.
    pub(crate) async fn before(&self, time_ms: i64) -> Result<u64, StoreError> {
        let gone = if self.expired_time.load(Ordering::Relaxed) < time_ms { self.expired_to() } else { 0 };
        let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(last_id) FROM batch WHERE time < $1")
            .bind(time_ms)
            .fetch_one(self.store.reader())
            .await?;
        Ok(gone.max(unsigned(newest.unwrap_or_default())))
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}

async fn mark(store: &Store, name: &str) -> Result<i64, StoreError> {
    let value: Option<i64> =
        sqlx::query_scalar("SELECT value FROM mark WHERE name = $1").bind(name).fetch_optional(store.reader()).await?;
    Ok(value.unwrap_or_default())
}

async fn set_mark(transaction: &mut Transaction, name: &str, value: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO mark (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Ids fit into both; one that a client made up and that does not is behind all others.
fn signed(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn unsigned(id: i64) -> u64 {
    u64::try_from(id).unwrap_or_default()
}
