//! Changes that are kept together or not at all.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{Sqlite, SqliteConnection};
use tokio::sync::Notify;

use crate::StoreError;

/// Changes that are kept together or not at all. Statements run on `&mut *transaction`.
#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    appended: Arc<Notify>,
    has_events: bool,
}

impl Transaction {
    pub(crate) const fn new(inner: sqlx::Transaction<'static, Sqlite>, appended: Arc<Notify>) -> Self {
        Self { inner, appended, has_events: false }
    }

    /// Keeps the changes: when this returns they are on the disk.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        if self.has_events {
            self.appended.notify_one();
        }
        Ok(())
    }

    pub(crate) const fn has_events(&mut self) {
        self.has_events = true;
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.inner
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }
}
