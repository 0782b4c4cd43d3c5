//! A service's own database: one file, one owner.
//!
//! Everything that belongs together is written in one [`Transaction`]: the change of state, the journal row and the
//! event that tells of it. The [`outbox`] takes the events from there to the bus, in order, also after a restart.
//! Statements use `$1` placeholders and no function that only SQLite has, so that another engine fits behind this door.

mod open;
pub mod outbox;
mod transaction;

pub use open::{Schema, Store};
pub use transaction::Transaction;

/// Why the database did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its directory cannot be used.
    #[error("cannot open the database {path}; check that its directory exists, is writable and not full")]
    Open {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The directory of the file cannot be made.
    #[error("cannot make the directory of the database {path}")]
    Directory {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The tables could not be brought to the version that this program needs.
    #[error("cannot bring the tables of {schema} in {path} to this version; was it used by a newer one?")]
    Migrate {
        /// The file.
        path: std::path::PathBuf,
        /// Name of the schema.
        schema: &'static str,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
    /// A row holds what it never should; or a value could not be written as JSON.
    #[error("{what} in the database cannot be read")]
    Corrupt {
        /// Table and column.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// A row that breaks an invariant.
    pub fn corrupt(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { what, source: source.into() }
    }
}
