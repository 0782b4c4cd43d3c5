//! Compose files: where the image of a service comes from, and the edit that changes nothing but its tag.
//!
//! What a compose file means as a whole is for compose to say. This crate answers two narrower questions, from the
//! files' texts alone: which image a service names, with variables resolved; and which bytes of which file have to
//! change for it to name another tag.

mod document;
mod dotenv;
mod edit;
mod error;
mod interpolate;
mod project;
mod service;

pub use edit::{Edit, Target, image_edit};
pub use error::{ComposeFileError, EditError};
pub use service::{Service, ServiceImage, find_service, referenced_files};

/// A file by its path and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// Absolute path, as compose knows it.
    pub path: &'a str,
    /// What is in it.
    pub text: &'a str,
}
