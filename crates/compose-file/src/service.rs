//! What compose files say about one service.

use std::collections::BTreeMap;

use crate::{ComposeFileError, File};

/// What compose files say about one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its image. None: no file says it.
    pub image: Option<ServiceImage>,
    /// It is built here.
    pub has_build: bool,
    /// Its labels, variables resolved where they can be.
    pub labels: BTreeMap<String, String>,
}

/// The image of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceImage {
    /// As the file has it.
    pub text: String,
    /// Variables resolved.
    pub resolved: String,
    /// The file.
    pub path: String,
    /// The variable of an environment file that the tag, or the whole reference, comes from.
    pub variable: Option<String>,
}

/// Finds a service by the name of its container, else by its own name.
///
/// `files` are all files of the project in compose's order, those that they include or extend before them; `env_files`
/// the project's environment files in their order.
pub fn find_service(
    _files: &[File<'_>],
    _env_files: &[File<'_>],
    service: &str,
    _container_name: Option<&str>,
) -> Result<Service, ComposeFileError> {
    Err(ComposeFileError::NoService { service: service.to_owned() })
}

/// The files that a compose file includes or takes services from, relative ones resolved against its directory. Those
/// whose names hold variables are left out.
pub fn referenced_files(_file: File<'_>) -> Result<Vec<String>, ComposeFileError> {
    Ok(Vec::new())
}
