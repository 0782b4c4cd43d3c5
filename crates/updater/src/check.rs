//! What is newer than what runs.

mod checked;
mod checker;
mod compose;
mod config;
mod decide;
mod error;
mod events;
mod examine;
mod order;
mod snapshot;
mod stale;
mod version;

pub use checked::{CheckedContainer, Status};
pub use checker::{Checker, Parts};
pub use config::CheckConfig;
pub use error::CheckError;
pub use events::{CheckEvents, Finished, Progress};
pub use snapshot::Snapshot;
