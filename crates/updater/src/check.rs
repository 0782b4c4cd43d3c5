//! What is newer than what runs.

mod checked;
mod checker;
mod config;
mod error;
mod snapshot;

pub use checked::{CheckedContainer, Status};
pub use checker::Checker;
pub use config::CheckConfig;
pub use error::CheckError;
pub use snapshot::Snapshot;
