//! What is newer than what runs.

mod checked;
mod checker;
mod compose;
mod config;
mod decide;
mod error;
mod events;
mod examine;
mod explain;
mod order;
mod precheck;
mod snapshot;
mod source;
mod stale;
mod version;

pub use checked::{CheckedContainer, Status};
pub use checker::{Checker, Parts};
pub use config::CheckConfig;
pub use error::CheckError;
pub use events::{CheckEvents, Finished, Progress};
pub use explain::{Candidate, ExplainError, Explanation, MAX_EXPLAINED, explain};
pub use homeport_image_ref::Change;
pub use precheck::{Prechecks, ScriptPrechecks, Verdict};
pub use snapshot::Snapshot;
