//! The files that a container's labels once led to, kept over restarts.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::error::EngineError;

/// More than this many files on one machine is a mistake; then the list starts anew, and only files whose containers are
/// gone are affected.
const MAX_FILES: usize = 1000;

#[derive(Debug)]
pub(super) struct Remembered {
    file: PathBuf,
    paths: Mutex<BTreeSet<PathBuf>>,
}

impl Remembered {
    /// A list that cannot be read is taken for an empty one.
    pub(super) fn new(file: PathBuf) -> Self {
        let paths = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, paths: Mutex::new(paths) }
    }

    pub(super) fn holds(&self, path: &Path) -> bool {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    pub(super) fn add(&self, path: &Path) -> Result<(), EngineError> {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.len() >= MAX_FILES {
            paths.clear();
        }
        paths.insert(path.to_owned());
        let bytes = serde_json::to_vec_pretty(&*paths).unwrap_or_default();
        homeport_service::file::replace(&self.file, &bytes, 0o600)
            .map_err(|source| EngineError::Io { doing: format!("writing {}", self.file.display()), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_survives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("stack-files.json");
        Remembered::new(file.clone()).add(Path::new("/s/compose.yaml")).unwrap();
        let again = Remembered::new(file.clone());
        assert!(again.holds(Path::new("/s/compose.yaml")) && !again.holds(Path::new("/s/other.yaml")));
        std::fs::write(&file, "garbage").unwrap();
        assert!(!Remembered::new(file).holds(Path::new("/s/compose.yaml")));
    }
}
