//! What an entry may say.

use std::path::{Component, Path, PathBuf};

use crate::Entry;

/// What `/state` at the beginning of a `UnixPath` stands for: the state directory, wherever it is on this machine.
const STATE: &str = "/state";
/// Directories of Homeport's own processes. Their sockets are no plugins.
const OWN: [&str; 8] = ["api", "apps", "auth", "backup", "docker", "gateway", "host", "updater"];
/// Longest name. It becomes part of the names of tokens and containers.
const NAME_MAX: usize = 64;
/// Where a token may be written.
const TOKENS: &str = "/configs/plugins/";

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The name.
    #[error("Name {0:?} is not made of 1 to {NAME_MAX} letters, digits, '-', '_' and '.'")]
    Name(String),
    /// The URI.
    #[error("URI {uri:?} of plugin {name:?} is not made of segments of letters, digits, '-', '_' and '.'")]
    Uri {
        /// The plugin.
        name: String,
        /// What it says.
        uri: String,
    },
    /// The URI is taken.
    #[error("URI {uri:?} of plugin {name:?} is, begins or continues that of plugin {other:?}")]
    Conflict {
        /// The plugin.
        name: String,
        /// What it says.
        uri: String,
        /// Whose URI it collides with.
        other: String,
    },
    /// The socket's path.
    #[error(
        "UnixPath {path:?} of plugin {name:?} is not an absolute path of letters, digits, '/', '-', '.' and '_' without '..'"
    )]
    UnixPath {
        /// The plugin.
        name: String,
        /// What it says.
        path: String,
    },
    /// The socket is somewhere else.
    #[error("UnixPath {path:?} of plugin {name:?} is not below the state directory")]
    Outside {
        /// The plugin.
        name: String,
        /// What it says.
        path: String,
    },
    /// The socket is one of Homeport's own.
    #[error("UnixPath {path:?} of plugin {name:?} is in a directory of Homeport's own; use /state/plugins/<name>/")]
    Own {
        /// The plugin.
        name: String,
        /// What it says.
        path: String,
    },
    /// Subscriptions are somebody else's.
    #[error("plugin {0:?} needs a subscription, which Homeport does not have")]
    Plus(String),
    /// The token's file.
    #[error("InstallTokenPath {path:?} of plugin {name:?} is not below {TOKENS}")]
    TokenPath {
        /// The plugin.
        name: String,
        /// What it says.
        path: String,
    },
    /// A directory is another plugin's.
    #[error(
        "{key} of plugin {name:?} leads to the directory {directory:?}, which is plugin {other:?}'s own; use /state/plugins/<name>/ and /configs/plugins/<name>/, or remove the other plugin first"
    )]
    Taken {
        /// The plugin.
        name: String,
        /// The key that leads there.
        key: &'static str,
        /// Name of the directory, in lower case.
        directory: String,
        /// Whose it is.
        other: String,
    },
}

impl Entry {
    /// Whether an entry may be listed beside others. `root` is the state directory.
    pub fn check(&self, others: &[Self], root: &Path) -> Result<(), RuleError> {
        let name = || self.name().to_owned();
        if !is_name(self.name()) {
            return Err(RuleError::Name(name()));
        }
        if self.plus() {
            return Err(RuleError::Plus(name()));
        }
        if !self.uri().is_empty() {
            self.check_uri()?;
            if let Some(other) = others.iter().find(|other| conflict(self.uri(), other.uri())) {
                return Err(RuleError::Conflict {
                    name: name(),
                    uri: self.uri().to_owned(),
                    other: other.name().to_owned(),
                });
            }
        }
        if !self.unix_path().is_empty() {
            socket(self, root)?;
        }
        if !self.install_token_path().is_empty() {
            self.token_file()?;
        }
        self.check_directories(others, root)
    }

    /// Whether its URI is one.
    pub fn check_uri(&self) -> Result<(), RuleError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(letter);
        if self.uri().split('/').all(is_segment) {
            return Ok(());
        }
        Err(RuleError::Uri { name: self.name().to_owned(), uri: self.uri().to_owned() })
    }

    /// Where its token is to be written, relative to the directory of settings.
    pub fn token_file(&self) -> Result<PathBuf, RuleError> {
        let path = self.install_token_path();
        let refused = || RuleError::TokenPath { name: self.name().to_owned(), path: path.to_owned() };
        let inner = path.strip_prefix(TOKENS).ok_or_else(refused)?;
        let inner = Path::new(inner);
        let harmless = inner.components().all(|part| matches!(part, Component::Normal(_)));
        if !harmless || inner.as_os_str().is_empty() || path.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(refused());
        }
        Ok(Path::new("plugins").join(inner))
    }
}

/// Whether two URIs cannot stand side by side: one is the other, or a beginning of it at a segment.
pub fn conflict(one: &str, other: &str) -> bool {
    let begins =
        |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !one.is_empty() && !other.is_empty() && (begins(one, other) || begins(other, one))
}

/// Where an entry's socket is on this machine, where `root` is the state directory.
pub fn socket(entry: &Entry, root: &Path) -> Result<PathBuf, RuleError> {
    let (name, path) = (entry.name(), entry.unix_path());
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_');
    let harmless =
        |path: &Path| path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let written = Path::new(path);
    if !path.starts_with('/') || !path.bytes().all(letter) || !harmless(written) {
        return Err(RuleError::UnixPath { name: name.to_owned(), path: path.to_owned() });
    }
    let inner = written.strip_prefix(root).or_else(|_| written.strip_prefix(STATE)).ok();
    let Some(inner) = inner.filter(|inner| !inner.as_os_str().is_empty()) else {
        return Err(RuleError::Outside { name: name.to_owned(), path: path.to_owned() });
    };
    if OWN.iter().any(|own| inner.starts_with(own)) {
        return Err(RuleError::Own { name: name.to_owned(), path: path.to_owned() });
    }
    Ok(root.join(inner))
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(letter) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ROOT: &str = "/srv/homeport/state";

    fn entry(name: &str, uri: &str, path: &str) -> Entry {
        Entry::read(&json!({ "Name": name, "URI": uri, "UnixPath": path })).unwrap()
    }

    fn check(entry: &Entry, expected: Result<(), &str>) {
        let others = [super::tests::entry("dns", "dns/block", "")];
        let found = entry.check(&others, Path::new(ROOT)).map_err(|error| error.to_string());
        match expected {
            Ok(()) => assert_eq!(found, Ok(()), "{entry:?}"),
            Err(words) => assert!(found.clone().is_err_and(|text| text.contains(words)), "{entry:?}: {found:?}"),
        }
    }

    #[test]
    fn real_entries_pass() {
        check(&entry("home_assistant", "home_assistant", "/state/plugins/ha/socket.sock"), Ok(()));
        check(&entry("x", "dns/other", "/state/dns/dns_block_plugin"), Ok(()));
        check(&entry("x.y-z", "", ""), Ok(()));
        check(&entry("x", "x", "/srv/homeport/state/x.sock"), Ok(()));
    }

    #[test]
    fn dangerous_ones_do_not() {
        for name in ["", "a b", "a/b", "..", &"a".repeat(65)] {
            check(&entry(name, "", ""), Err("Name"));
        }
        for uri in ["/a", "a/", "a//b", "../a", "a/./b", "a b", "a%2fb"] {
            check(&entry("x", uri, ""), Err("segments"));
        }
        for uri in ["dns", "dns/block", "dns/block/x"] {
            check(&entry("x", uri, ""), Err("\"dns\""));
        }
        check(&entry("x", "x", "/var/run/docker.sock"), Err("not below the state directory"));
        check(&entry("x", "x", "/state"), Err("not below"));
        check(&entry("x", "x", "/stately/a"), Err("not below"));
        check(&entry("x", "x", "/state/../run/docker.sock"), Err("without '..'"));
        check(&entry("x", "x", "state/a"), Err("absolute"));
        check(&entry("x", "x", "/state/a b"), Err("absolute"));
        check(&entry("x", "x", "/state/docker/docker.sock"), Err("Homeport's own"));
        check(&entry("x", "x", "/srv/homeport/state/auth/auth.sock"), Err("Homeport's own"));
        check(&Entry::read(&json!({ "Name": "x", "Plus": true })).unwrap(), Err("subscription"));
    }

    #[test]
    fn tokens_are_written_to_settings_of_plugins_alone() {
        let file = |path: &str| {
            let entry = Entry::read(&json!({ "Name": "x", "InstallTokenPath": path })).unwrap();
            entry.token_file().map(|path| path.display().to_string()).ok()
        };
        assert_eq!(file("/configs/plugins/x/token").as_deref(), Some("plugins/x/token"));
        for path in
            ["/configs/base/api.json", "/configs/plugins/", "/configs/plugins/../base/x", "configs/plugins/x", "/etc/x"]
        {
            assert_eq!(file(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_socket_is_always_below_the_root(path in "(/|\\.|\\.\\.|[a-z]{1,3}|state|docker){0,8}") {
            if let Ok(found) = socket(&entry("x", "x", &path), Path::new(ROOT)) {
                prop_assert!(found.starts_with(ROOT) && found != Path::new(ROOT), "{found:?}");
                prop_assert!(!found.components().any(|part| part == Component::ParentDir));
            }
        }

        #[test]
        fn conflicts_are_mutual(one in "[ab]{1,2}(/[ab]){0,2}", other in "[ab]{1,2}(/[ab]){0,2}") {
            prop_assert_eq!(conflict(&one, &other), conflict(&other, &one));
        }
    }
}
