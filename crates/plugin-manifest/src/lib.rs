//! The entries of `api.json` and `plugin.json`: reading, checking and changing them without losing a key.
//!
//! Keys are matched without regard to case, most of them are usually missing, and those that nobody here knows are
//! somebody else's and stay.

mod directory;
mod entry;
mod file;
mod rules;

pub use entry::{Entry, EntryError};
pub use file::{File, FileError};
pub use rules::{RuleError, conflict, socket};
