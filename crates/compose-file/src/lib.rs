//! Compose files: where the image of a service comes from, and the edits that change nothing but its tag or its labels.
//!
//! What a compose file means as a whole is for compose to say. This crate answers two narrower questions, from the
//! files' texts alone: which image a service names, with variables resolved; and which bytes of which files have to
//! change for it to name another tag.

mod document;
mod dotenv;
mod edit;
mod error;
mod interpolate;
mod label;
mod path;
mod project;
mod service;
mod sources;

pub use edit::{Edit, FileEdit, Target, image_edit};
pub use error::{ComposeFileError, EditError};
pub use label::{LabelChanges, label_edit, service_labels};
pub use service::{Service, ServiceImage, find_service};
pub use sources::Sources;

/// A file by its path and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File<'a> {
    /// Absolute path, as compose knows it.
    pub(crate) path: &'a str,
    /// What is in it.
    pub(crate) text: &'a str,
}
