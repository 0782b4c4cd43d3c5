//! Where a plugin's compose project is, and what belongs to it.

use std::{
    collections::BTreeSet,
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

    /// The project of an entry that is listed beside others.
    pub(super) fn project(&self, entry: &Entry, others: &[Entry]) -> Result<Project, EngineError> {
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
        Ok(Project { whole: Whole { name: name(path), file, variables }, own: self.own(entry, others, directory) })
    }

    /// What an entry may mount without being asked about: its own directories, and of Homeport's the bus and what is for
    /// everybody. A directory that another plugin claims too is neither's.
    fn own(&self, entry: &Entry, others: &[Entry], directory: PathBuf) -> Own {
        let root = &self.settings.root;
        let others: Vec<&Entry> = others.iter().filter(|other| !entry.shares_project(other)).collect();
        let claimed: BTreeSet<String> =
            others.iter().flat_map(|other| other.directories(&self.state)).map(|(_, directory)| directory).collect();
        let mut names = vec![entry.name().to_owned(), entry.name().to_ascii_lowercase()];
        names.extend(directory.file_name().map(|name| name.to_string_lossy().into_owned()));
        names.retain(|name| !claimed.contains(&name.to_ascii_lowercase()));
        let mut exact: Vec<PathBuf> = names
            .iter()
            .flat_map(|name| [root.join("state/plugins").join(name), root.join("configs/plugins").join(name)])
            .collect();
        exact.extend(
            self.socket_directory(entry)
                .filter(|name| !claimed.contains(&name.to_ascii_lowercase()))
                .map(|name| root.join("state/plugins").join(name)),
        );
        let exact_read_only =
            ["state/api", "state/public", "configs/base/config.sh"].map(|path| root.join(path)).into();
        let other_projects =
            others.iter().map(|other| other.compose_file_path()).filter(|path| !path.is_empty()).map(name).collect();
        // A compose file among what others own has nothing to itself but itself.
        let [state, configs, clones] = ["state", "configs", CLONES].map(|path| root.join(path));
        let is_shared = [&state, &configs, &clones].iter().any(|path| path.starts_with(&directory))
            || [&state, &configs].iter().any(|path| directory.starts_with(path));
        let below = if is_shared { root.join(entry.compose_file_path()) } else { directory };
        // Compose writes paths as they are meant, without `.`; so are these.
        Own { project: name(entry.compose_file_path()), other_projects, exact, exact_read_only, below }
    }

    /// Name of the socket's directory, where it is one of the plugins' and not shared by all of them.
    fn socket_directory(&self, entry: &Entry) -> Option<String> {
        let socket = socket(entry, &self.state).ok()?;
        let directory = socket.parent().filter(|directory| directory.parent() == Some(&self.state.join("plugins")))?;
        directory.file_name().map(|name| name.to_string_lossy().into_owned())
    }
}

/// That no other plugin's compose file has the same project: compose would take the containers and volumes of one for
/// those of the other.
pub(super) fn check(entry: &Entry, others: &[Entry]) -> Result<(), EngineError> {
    let path = entry.compose_file_path();
    let is_same = |other: &&Entry| {
        let theirs = other.compose_file_path();
        !theirs.is_empty() && theirs != path && name(theirs) == name(path)
    };
    match others.iter().find(is_same) {
        Some(other) if !path.is_empty() => Err(EngineError::Argument(format!(
            "ComposeFilePath {path:?} of plugin {} and that of plugin {} are one project to compose; rename its directory",
            entry.name(),
            other.name()
        ))),
        _ => Ok(()),
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
    use serde_json::json;

    use super::*;

    fn read(value: &serde_json::Value) -> Entry {
        Entry::read(value).unwrap()
    }

    /// What an entry owns beside another one, below `/hp`.
    fn own(entry: &serde_json::Value, other: &serde_json::Value) -> Own {
        let directory = tempfile::tempdir().unwrap();
        let paths = homeport_service::Paths { state: "/hp/state".into(), configs: "/hp/configs".into() };
        let environment =
            [("HOMEPORT_ROOT", "/hp"), ("HOME", directory.path().to_str().unwrap())].into_iter().collect();
        let context = homeport_service::Context::new(
            "docker-agent",
            paths,
            environment,
            tokio_util::sync::CancellationToken::new(),
        );
        let places = Places::new(&Arc::new(Settings::of(&context).unwrap()), "/hp/state".into());
        let entry = read(entry);
        let directory = Path::new("/hp").join(entry.compose_file_path()).parent().unwrap().to_owned();
        places.own(&entry, &[read(other)], directory)
    }

    #[test]
    fn a_directory_that_another_plugin_claims_is_not_its_own() {
        let other = json!({
            "Name": "victim", "UnixPath": "/state/plugins/socket/s", "InstallTokenPath": "/configs/plugins/token/t",
            "ComposeFilePath": "plugins/user/repository/docker-compose.yml",
        });
        let entry = |name: &str, unix: &str, repository: &str| {
            let path = format!("plugins/{repository}/docker-compose.yml");
            json!({ "Name": name, "UnixPath": format!("/state/plugins/{unix}/s"), "ComposeFilePath": path })
        };
        let exact = own(&entry("Mine", "socket2", "mine-repository"), &other).exact;
        for path in
            ["state/plugins/Mine", "configs/plugins/mine", "state/plugins/mine-repository", "state/plugins/socket2"]
        {
            assert!(exact.contains(&Path::new("/hp").join(path)), "{path}: {exact:?}");
        }
        for taken in ["victim", "socket", "token", "repository"] {
            for entry in [entry("mine", taken, "mine"), entry("mine", "mine", taken), entry(taken, "mine", "mine")] {
                let exact = own(&entry, &other).exact;
                assert!(!exact.iter().any(|path| path.ends_with(taken)), "{entry}: {exact:?}");
            }
        }
    }

    #[test]
    fn a_compose_file_among_what_others_own_has_no_directory() {
        let nobody = json!({ "Name": "x" });
        for path in ["docker-compose.yml", "plugins/docker-compose.yml", "plugins/user/a.yml", "state/auth/a.yml"] {
            let entry = json!({ "Name": "mine", "ComposeFilePath": path });
            assert_eq!(own(&entry, &nobody).below, Path::new("/hp").join(path), "{path}");
        }
        let entry = json!({ "Name": "mine", "ComposeFilePath": "plugins/mine/a.yml" });
        assert_eq!(own(&entry, &nobody).below, Path::new("/hp/plugins/mine"));
    }

    #[test]
    fn two_compose_files_are_not_one_project() {
        let [one, other] = ["plugins/user/a.b/docker-compose.yml", "plugins/user/a-b/docker-compose.yml"]
            .map(|path| read(&json!({ "Name": "x", "ComposeFilePath": path })));
        assert!(check(&one, std::slice::from_ref(&other)).is_err());
        assert!(check(&one, std::slice::from_ref(&one)).is_ok());
        assert!(check(&read(&json!({ "Name": "x" })), &[other]).is_ok());
    }

    #[test]
    fn projects_have_names_of_their_own() {
        assert_eq!(name("plugins/hello/docker-compose.yml"), "plugin-hello");
        assert_eq!(name("plugins/user/Hello.World/docker-compose.yml"), "plugin-user-hello-world");
        assert_eq!(name("docker-compose.yml"), "plugin-");
        assert!(is_cloned(&of_repository("x")) && !is_cloned("plugins/hello/docker-compose.yml"));
    }
}
