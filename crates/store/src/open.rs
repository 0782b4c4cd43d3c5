//! Opening a database and bringing its tables to the present version.

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    Connection as _, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

use crate::{StoreError, Transaction, outbox};

/// How long a statement waits for another process that holds the file, such as a copy being made of it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that read. Requests beyond them wait for one; reads take milliseconds.
const READERS: u32 = 4;

/// Memory in which each connection keeps pages, negative as SQLite counts KiB: a quarter of what it would take by itself,
/// five times. The system keeps the file's pages for all of them.
const CACHE: &str = "-512";

/// The tables of one part of a program, versioned on their own.
#[derive(Debug)]
pub struct Schema {
    /// Names the table that remembers which migrations were done. Never changes.
    pub name: &'static str,
    /// The migrations.
    pub migrator: Migrator,
}

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// One connection, so that writers queue up here instead of failing each other. When SQLite has undone a transaction by
    /// itself, as on a full disk, undoing it again fails and sqlx takes the transaction for open ever after: such a
    /// connection is replaced before the next writer gets it.
    write: SqlitePool,
    read: SqlitePool,
    appended: Arc<Notify>,
}

impl Store {
    /// Opens the database, making it if need be, with the tables of the outbox and those given.
    pub async fn open(path: &Path, schemas: Vec<Schema>) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|source| StoreError::Directory { path: path.to_owned(), source })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A journal that a power cut takes back would be none.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", CACHE)
            .busy_timeout(BUSY_TIMEOUT);
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        for Schema { name, mut migrator } in std::iter::once(outbox::schema()).chain(schemas) {
            migrator.dangerous_set_table_name(format!("migrations_{name}"));
            migrator.run(&write).await.map_err(|source| StoreError::Migrate {
                path: path.to_owned(),
                schema: name,
                source,
            })?;
        }
        let read = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self { write, read, appended: Arc::default() })
    }

    /// Where to read from. Sees everything that was committed.
    pub const fn reader(&self) -> &SqlitePool {
        &self.read
    }

    /// Begins to write. Waits for the writer before; dropping it without a commit undoes it.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction::new(self.write.begin_with("BEGIN IMMEDIATE").await?, Arc::clone(&self.appended)))
    }

    /// Wakes up after a commit that appended to the outbox.
    pub(crate) fn appended(&self) -> &Notify {
        &self.appended
    }

    /// Closes the connections, folding the write-ahead log into the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_committed_is_there_after_opening_again_and_the_rest_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sub/test.db");
        let store = Store::open(&path, vec![]).await.unwrap();
        let mut kept = store.begin().await.unwrap();
        outbox::append(&mut kept, "a", &1).await.unwrap();
        kept.commit().await.unwrap();
        let mut dropped = store.begin().await.unwrap();
        outbox::append(&mut dropped, "b", &2).await.unwrap();
        drop(dropped);
        store.close().await;
        let store = Store::open(&path, vec![]).await.unwrap();
        let topics: Vec<String> =
            sqlx::query_scalar("SELECT topic FROM outbox ORDER BY id").fetch_all(store.reader()).await.unwrap();
        assert_eq!(topics, ["a"]);
    }

    #[tokio::test]
    async fn a_full_database_takes_changes_again_once_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("test.db"), vec![]).await.unwrap();
        let mut too_much = store.begin().await.unwrap();
        // The limit is the connection's, so that a new one has room.
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *too_much).await.unwrap();
        let error = outbox::append(&mut too_much, "a", &"x".repeat(1 << 20)).await.unwrap_err();
        assert!(format!("{error:?}").contains("full"), "{error:?}");
        drop(too_much);
        let mut again = store.begin().await.unwrap();
        outbox::append(&mut again, "b", &1).await.unwrap();
        again.commit().await.unwrap();
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox").fetch_one(store.reader()).await.unwrap();
        assert_eq!(count, 1);
    }

    #[tokio::test]
    async fn a_crash_keeps_what_was_committed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let store = Store::open(&path, vec![]).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        outbox::append(&mut transaction, "a", &1).await.unwrap();
        transaction.commit().await.unwrap();
        // The files as they lie there now, log included, are what a process finds that comes after a crash.
        let copy = directory.path().join("copy.db");
        for end in ["", "-wal"] {
            std::fs::copy(format!("{}{end}", path.display()), format!("{}{end}", copy.display())).unwrap();
        }
        let copy = Store::open(&copy, vec![]).await.unwrap();
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox").fetch_one(copy.reader()).await.unwrap();
        assert_eq!(count, 1);
    }
}
