//! The updater's own tables: what was asked for, and what became of it.

pub(crate) mod action;
pub(crate) mod detail;
pub(crate) mod history;
mod list;
pub(crate) mod operation;
pub(crate) mod record;
pub(crate) mod script;
pub(crate) mod setting;
pub(crate) mod shown_plan;

use homeport_store::{Schema, StoreError};

pub use detail::{DetailEnd, kept_of, newest_success, set_kept};
pub use list::{Filter, Page, list};
pub use operation::{
    active, add_dependents, find_active, find_same, finish, get, insert, mark_rolled_back, of_lock, prune, set_stage,
    set_status, start, waiting,
};
pub use record::{Detail, DetailStatus, Kind, Operation, Status};
pub use script::Assignment;

/// The updater's tables, for [`homeport_store::Store::open`].
pub fn schema() -> Schema {
    Schema { name: "updater", migrator: sqlx::migrate!("./migrations") }
}

fn to_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn corrupt(what: &'static str, value: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt(what, format!("{value} is not a value that is ever written"))
}
