//! The files that say which plugins there are and which compose files may be acted upon. Read before every action, so that
//! a person may edit them; replaced as a whole.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use homeport_plugin_manifest::File;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::EngineError;

/// The group reads them, which the gateway is in.
const MODE: u32 = 0o640;
/// For what is nobody else's business.
const PRIVATE: u32 = 0o600;
/// Larger files are none of ours.
const MAX_BYTES: u64 = 4 << 20;
/// Compose files that may be allowed at most.
const MAX_PATHS: usize = 1000;

/// Where they are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// `api.json`
    list: PathBuf,
    /// `custom_compose_paths.json`
    allowed: PathBuf,
    /// What people agreed to, and what was cloned.
    known: PathBuf,
    /// The directory of settings, in which tokens are written.
    configs: PathBuf,
}

/// What is remembered of compose files and repositories.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// Concerns that a person agreed to, by compose file.
    pub(super) agreed: BTreeMap<String, Vec<String>>,
    /// What the newer version asks for that an update was refused for, by compose file. It is not here any more.
    pub(super) asked: BTreeMap<String, Vec<String>>,
    /// Commit of each clone, by the name of its directory.
    pub(super) commits: BTreeMap<String, String>,
}

impl Files {
    pub(super) fn new(configs: &Path, state: &Path) -> Self {
        let base = configs.join("base");
        Self {
            list: base.join("api.json"),
            allowed: base.join("custom_compose_paths.json"),
            known: state.join("plugins.json"),
            configs: configs.to_owned(),
        }
    }

    pub(super) async fn list(&self) -> Result<File, EngineError> {
        let path = self.list.clone();
        blocking(move || match read(&path)? {
            Some(text) => File::parse(&text).map_err(|error| {
                EngineError::Precondition(format!("{} cannot be used: {error}; repair it by hand", path.display()))
            }),
            None => Ok(File::default()),
        })
        .await
    }

    pub(super) async fn set_list(&self, list: &File) -> Result<(), EngineError> {
        self.write(self.list.clone(), list.to_text(), MODE).await
    }

    /// Compose files that may be acted upon, relative to where Homeport is installed.
    pub(super) async fn allowed(&self) -> Result<Vec<String>, EngineError> {
        self.json(self.allowed.clone()).await
    }

    pub(super) async fn set_allowed(&self, paths: &[String]) -> Result<(), EngineError> {
        if paths.len() > MAX_PATHS {
            return Err(EngineError::Argument(format!("more than {MAX_PATHS} compose files")));
        }
        self.write(self.allowed.clone(), pretty(&paths), MODE).await
    }

    pub(super) async fn known(&self) -> Result<Known, EngineError> {
        self.json(self.known.clone()).await
    }

    pub(super) async fn set_known(&self, known: &Known) -> Result<(), EngineError> {
        self.write(self.known.clone(), pretty(known), PRIVATE).await
    }

    /// Remembers what a refused update would have to be agreed to.
    pub(super) async fn set_asked(&self, path: &str, concerns: &[String]) -> Result<(), EngineError> {
        let mut known = self.known().await?;
        known.asked.insert(path.to_owned(), concerns.to_owned());
        self.set_known(&known).await
    }

    /// Writes a token to a place relative to the directory of settings.
    pub(super) async fn set_token(&self, place: &Path, token: String) -> Result<(), EngineError> {
        let (configs, path) = (self.configs.clone(), self.configs.join(place));
        blocking(move || {
            let failed = |source| EngineError::Io { doing: format!("writing {}", path.display()), source };
            std::fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(failed)?;
            stays_inside(&configs, &path)?;
            homeport_service::file::replace(&path, token.as_bytes(), PRIVATE).map_err(failed)
        })
        .await
    }

    /// Removes a token that [`Files::set_token`] has written, if it is there.
    pub(super) async fn remove_token(&self, place: &Path) -> Result<(), EngineError> {
        let (configs, path) = (self.configs.clone(), self.configs.join(place));
        blocking(move || {
            if !path.exists() {
                return Ok(());
            }
            stays_inside(&configs, &path)?;
            let failed = |source| EngineError::Io { doing: format!("removing {}", path.display()), source };
            std::fs::remove_file(&path).map_err(failed)
        })
        .await
    }

    async fn json<T: DeserializeOwned + Default + Send + 'static>(&self, path: PathBuf) -> Result<T, EngineError> {
        blocking(move || match read(&path)? {
            Some(text) => serde_json::from_slice(&text).map_err(|error| {
                EngineError::Precondition(format!("{} cannot be used: {error}; repair it by hand", path.display()))
            }),
            None => Ok(T::default()),
        })
        .await
    }

    async fn write(&self, path: PathBuf, text: Vec<u8>, mode: u32) -> Result<(), EngineError> {
        blocking(move || {
            let failed = |source| EngineError::Io { doing: format!("writing {}", path.display()), source };
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory).map_err(failed)?;
            }
            homeport_service::file::replace(&path, &text, mode).map_err(failed)
        })
        .await
    }
}

/// A plugin may own its directory of settings, and lead a link anywhere.
fn stays_inside(configs: &Path, path: &Path) -> Result<(), EngineError> {
    let failed = |source| EngineError::Io { doing: format!("looking at {}", path.display()), source };
    let root = configs.join("plugins").canonicalize().map_err(failed)?;
    let directory = path.parent().unwrap_or(path).canonicalize().map_err(failed)?;
    if !directory.starts_with(root) || path.is_symlink() {
        return Err(EngineError::Forbidden(format!("{} leads to somewhere else", path.display())));
    }
    Ok(())
}

fn pretty<T: Serialize>(value: &T) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
    let failed = |source| EngineError::Io { doing: format!("reading {}", path.display()), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            return Err(EngineError::Precondition(format!("{} is larger than {MAX_BYTES} bytes", path.display())));
        }
        metadata => metadata.map_err(failed)?,
    };
    std::fs::read(path).map(Some).map_err(failed)
}

pub(super) async fn blocking<T, F>(work: F) -> Result<T, EngineError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, EngineError> + Send + 'static,
{
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|error| {
        Err(EngineError::Io { doing: "working on the files of plugins".to_owned(), source: io::Error::other(error) })
    })
}
