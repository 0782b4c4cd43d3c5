//! Long work that survives a crash.
//!
//! A [`Workflow`] is a list of [`Step`]s with a commit point. The [`Journal`] knows of each step before anything of it
//! is done. The [`Runner`] walks the steps; when one fails before the commit point it walks the undos of all that were
//! begun, in reverse. Work that a crash interrupted is found in the journal at the next start: before the commit point
//! it is undone, after it it is finished. So it ends as if everything had happened or nothing had, unless an undo
//! fails for good: then the rest is undone all the same, and the outcome says what a person has to look at.

mod journal;
mod runner;
mod scope;
mod step;

pub use journal::{Entry, Journal, Status, StepState, schema};
pub use runner::{Change, Observer, Outcome, Retry, Runner};
pub use scope::Scope;
pub use step::{Step, StepError, Workflow};
