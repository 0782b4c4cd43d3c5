//! Where a plugin's compose project is, and what belongs to it.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use homeport_plugin_manifest::{Entry, socket};

use super::{consent::Own, entry, files::blocking};
use crate::{compose::Whole, config::Settings, error::EngineError};

/// Where repositories are cloned to, relative to where Homeport is installed.
const CLONES: &str = "plugins/user/";
/// The compose file of a repository.
const COMPOSE_FILE: &str = "docker-compose.yml";
/// The largest compose file of a plugin.
const MAX_COMPOSE_BYTES: u64 = 1 << 20;
/// The largest `plugin.json` that is read.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// A project that somebody may have to agree to.
#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) whole: Whole,
    pub(super) own: Own,
}

/// Where things are on this machine.
#[derive(Clone)]
pub(super) struct Places {
    settings: Arc<Settings>,
    state: PathBuf,
}

impl Places {
    pub(super) fn new(settings: &Arc<Settings>, state: PathBuf) -> Self {
        Self { settings: Arc::clone(settings), state }
    }

    /// The state directory.
    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Where a repository is cloned to.
    pub(super) fn clone_of(&self, name: &str) -> PathBuf {
        self.settings.root.join(CLONES).join(name)
    }

    /// A compose file by its path relative to where Homeport is installed.
    pub(super) fn file(&self, path: &str) -> Result<PathBuf, EngineError> {
        let relative = Path::new(path);
        let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || path.len() > 512 || !is_plain || path.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(EngineError::Argument(format!(
                "{path:?} is no path of a compose file; write it relative to where Homeport is installed, without '..'"
            )));
        }
        Ok(self.settings.root.join(relative))
    }

    /// The project of an entry.
    pub(super) fn project(&self, entry: &Entry) -> Result<Project, EngineError> {
        let (settings, path) = (&self.settings, entry.compose_file_path());
        let file = self.file(path)?;
        if !file.is_file() {
            return Err(EngineError::Precondition(format!(
                "{} is not there; is HOMEPORT_ROOT, {}, where Homeport is installed?",
                file.display(),
                settings.root.display()
            )));
        }
        let directory = file.parent().unwrap_or(&settings.root).to_owned();
        let mut root = settings.root.display().to_string();
        if !root.ends_with('/') {
            root.push('/');
        }
        let variables = vec![
            ("SUPERDIR", root),
            ("BUILDCTX", directory.display().to_string()),
            ("NETWORK_MODE", settings.plugins.network_mode.clone()),
            ("RELEASE_VERSION", "latest".to_owned()),
            ("RELEASE_CHANNEL", String::new()),
            ("VIRTUAL_SPR", String::new()),
            ("CI", String::new()),
        ];
        Ok(Project { whole: Whole { name: name(path), file, variables }, own: self.own(entry, directory) })
    }

    /// What an entry may mount without being asked about: its own directories, and of Homeport's the bus and what is for
    /// everybody.
    fn own(&self, entry: &Entry, below: PathBuf) -> Own {
        let root = &self.settings.root;
        let mut names = vec![entry.name().to_owned(), entry.name().to_ascii_lowercase()];
        names.extend(below.file_name().map(|name| name.to_string_lossy().into_owned()));
        let mut exact: Vec<PathBuf> = names
            .iter()
            .flat_map(|name| [root.join("state/plugins").join(name), root.join("configs/plugins").join(name)])
            .collect();
        // The socket's directory, where it is one of the plugins' and not shared by all of them.
        let plugins = self.state.join("plugins");
        if let Some(directory) = socket(entry, &self.state).ok().and_then(|socket| socket.parent().map(Path::to_owned))
            && directory.parent() == Some(&plugins)
            && let Some(name) = directory.file_name()
        {
            exact.push(root.join("state/plugins").join(name));
        }
        let exact_read_only =
            ["state/api", "state/public", "configs/base/config.sh"].map(|path| root.join(path)).into();
        // Compose writes paths as they are meant, without `.`; so are these.
        Own { exact, exact_read_only, below }
    }
}

/// The compose file of a repository.
pub(super) fn of_repository(name: &str) -> String {
    format!("{CLONES}{name}/{COMPOSE_FILE}")
}

/// Whether a compose file is that of a repository.
pub(super) fn is_cloned(path: &str) -> bool {
    path.starts_with(CLONES)
}

/// The name of the project of a compose file. Nobody else's begins so.
pub(super) fn name(path: &str) -> String {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let directory = directory.strip_prefix("plugins/").unwrap_or(directory);
    let plain = directory.chars().map(|letter| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '_') => letter,
        _ => '-',
    });
    format!("plugin-{}", plain.collect::<String>())
}

/// What a repository says of itself.
pub(super) async fn manifest(path: PathBuf) -> Result<Entry, EngineError> {
    blocking(move || {
        let failed = |source| EngineError::Io { doing: "reading the repository's plugin.json".to_owned(), source };
        if std::fs::symlink_metadata(&path).map_err(failed)?.len() > MAX_MANIFEST_BYTES {
            return Err(EngineError::Precondition("the repository's plugin.json is too large".to_owned()));
        }
        entry(&std::fs::read_to_string(&path).map_err(failed)?)
    })
    .await
}

/// What a compose file says, letter by letter.
pub(super) async fn text(path: PathBuf) -> Result<String, EngineError> {
    blocking(move || {
        let failed = |source| EngineError::Io { doing: format!("reading {}", path.display()), source };
        if std::fs::metadata(&path).map_err(failed)?.len() > MAX_COMPOSE_BYTES {
            return Err(EngineError::Precondition(format!("{} is too large", path.display())));
        }
        std::fs::read_to_string(&path).map_err(failed)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_have_names_of_their_own() {
        assert_eq!(name("plugins/hello/docker-compose.yml"), "plugin-hello");
        assert_eq!(name("plugins/user/Hello.World/docker-compose.yml"), "plugin-user-hello-world");
        assert_eq!(name("docker-compose.yml"), "plugin-");
        assert!(is_cloned(&of_repository("x")) && !is_cloned("plugins/hello/docker-compose.yml"));
    }
}
