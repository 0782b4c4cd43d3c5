//! What a project is read from.

use std::collections::BTreeMap;

use crate::{ComposeFileError, path, project::Project};

/// How compose is called for a project, and the texts of its files as far as they are known.
///
/// Which files a project has is only known from its files, so whoever reads them goes round: [`Sources::missing`] names
/// those that are referred to and not known yet, until it names none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Absolute paths of the compose files, in the order in which compose gets them.
    pub config_files: Vec<String>,
    /// What paths in those files are relative to. Empty: the directory of the first file.
    pub directory: String,
    /// Absolute paths of the environment files, in their order. Empty: `.env` in the directory, if there is one.
    pub env_files: Vec<String>,
    /// Texts by path. None: the file is not there, or may not be read.
    pub texts: BTreeMap<String, Option<String>>,
}

impl Sources {
    /// The files that are named by the call, or referred to by the known ones, and are not known yet. Those whose names
    /// hold variables that are set nowhere are left out.
    pub fn missing(&self) -> Result<Vec<String>, ComposeFileError> {
        Ok(Project::parse(self)?.missing())
    }

    /// The text of a file that is known and there.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path)?.as_deref()
    }

    pub(crate) fn directory(&self) -> &str {
        match (self.directory.trim_end_matches('/'), self.config_files.first()) {
            ("", Some(first)) => path::parent(first),
            (directory, _) => directory,
        }
    }

    pub(crate) fn env_files(&self) -> Vec<String> {
        if self.env_files.is_empty() { vec![path::resolve(self.directory(), ".env")] } else { self.env_files.clone() }
    }
}
