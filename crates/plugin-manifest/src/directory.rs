//! Which directories among the plugins' an entry says are its own.

use std::path::{Component, Path};

use crate::{Entry, RuleError, socket};

/// The key whose directory is named after a repository. Two repositories may have one name.
const REPOSITORY: &str = "ComposeFilePath";

impl Entry {
    /// The directories in `state/plugins` and `configs/plugins` that are its own by what it says, in lower case, each with
    /// the key that says so: its `Name`, those that `UnixPath` and `InstallTokenPath` lie in, and the name of the directory
    /// that its compose file is in. `root` is the state directory.
    pub fn directories(&self, root: &Path) -> Vec<(&'static str, String)> {
        let socket = socket(self, root).ok();
        let token = self.token_file().ok();
        let repository = Path::new(self.compose_file_path()).parent().and_then(Path::file_name);
        let found = [
            ("Name", Some(self.name().to_owned())),
            ("UnixPath", socket.and_then(|path| first(path.strip_prefix(root.join("plugins")).ok()?))),
            ("InstallTokenPath", token.and_then(|path| first(path.strip_prefix("plugins").ok()?))),
            (REPOSITORY, repository.map(|name| name.to_string_lossy().into_owned())),
        ];
        let named = found.into_iter().filter_map(|(key, name)| Some((key, name?.to_ascii_lowercase())));
        named.filter(|(_, name)| !name.is_empty()).collect()
    }

    /// Whether both are run by the same compose file, and so have the same directories.
    pub fn shares_project(&self, other: &Self) -> bool {
        !self.compose_file_path().is_empty() && self.compose_file_path() == other.compose_file_path()
    }

    /// That no other plugin has a directory that this one claims: whoever has a plugin's directory answers on its socket,
    /// reads its token and has its rights on the engine. Two repositories of the same name may stand side by side; neither
    /// has a directory by that name then.
    pub(crate) fn check_directories(&self, others: &[Self], root: &Path) -> Result<(), RuleError> {
        let own = self.directories(root);
        for other in others.iter().filter(|other| !self.shares_project(other)) {
            let theirs = other.directories(root);
            let taken = own.iter().find(|(key, name)| {
                theirs.iter().any(|(by, taken)| taken == name && (*key != REPOSITORY || *by != REPOSITORY))
            });
            if let Some((key, directory)) = taken {
                return Err(RuleError::Taken {
                    name: self.name().to_owned(),
                    key,
                    directory: directory.clone(),
                    other: other.name().to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn first(path: &Path) -> Option<String> {
    match path.components().next()? {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROOT: &str = "/srv/homeport/state";

    fn entry(value: &Value) -> Entry {
        Entry::read(value).unwrap()
    }

    /// Checks an entry beside `ha-core`, which has the directories `ha-core`, `ha`, `ha-token` and `ha-repository`.
    fn check(value: &Value, expected: Option<&str>) {
        let other = entry(&json!({
            "Name": "ha-core", "UnixPath": "/state/plugins/ha/run/socket",
            "InstallTokenPath": "/configs/plugins/ha-token/token",
            "ComposeFilePath": "plugins/user/ha-repository/docker-compose.yml",
        }));
        let found = entry(value).check(&[other], Path::new(ROOT)).map_err(|error| error.to_string());
        match expected {
            None => assert_eq!(found, Ok(()), "{value}"),
            Some(words) => assert!(found.clone().is_err_and(|text| text.contains(words)), "{value}: {found:?}"),
        }
    }

    #[test]
    fn a_directory_of_another_plugin_is_refused() {
        for path in ["/state/plugins/ha-core/s", "/state/plugins/ha/s", "/srv/homeport/state/plugins/HA/run/s"] {
            check(&json!({ "Name": "x", "UnixPath": path }), Some("UnixPath of plugin \"x\""));
        }
        for path in
            ["/configs/plugins/ha-core/token", "/configs/plugins/ha-token/a/b", "/configs/plugins/ha-repository"]
        {
            check(&json!({ "Name": "x", "InstallTokenPath": path }), Some("InstallTokenPath of plugin \"x\""));
        }
        check(&json!({ "Name": "HA" }), Some("Name of plugin \"HA\""));
        check(&json!({ "Name": "x", "ComposeFilePath": "plugins/user/ha/docker-compose.yml" }), Some("\"ha-core\""));
    }

    #[test]
    fn directories_of_its_own_and_of_its_project_are_not() {
        check(
            &json!({
                "Name": "x", "UnixPath": "/state/plugins/y/socket", "InstallTokenPath": "/configs/plugins/x/token",
                "ComposeFilePath": "plugins/x/docker-compose.yml",
            }),
            None,
        );
        // Sockets beside the plugins' directories are nobody's directory.
        check(&json!({ "Name": "x", "UnixPath": "/state/dns/ha" }), None);
        check(&json!({ "Name": "x", "ComposeFilePath": "other/ha-repository/docker-compose.yml" }), None);
        check(
            &json!({
                "Name": "x", "UnixPath": "/state/plugins/ha/other",
                "ComposeFilePath": "plugins/user/ha-repository/docker-compose.yml",
            }),
            None,
        );
    }
}
