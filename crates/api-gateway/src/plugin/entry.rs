//! What the gateway takes from `api.json`: the plugins that can be reached over HTTP.

use std::path::{Path, PathBuf};

use homeport_plugin_manifest::{Entry as Listed, EntryError, File, FileError, RuleError, socket};

/// Why one entry cannot be served.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unserved {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// A plugin that can be reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// One or more segments, without slashes around them.
    pub(crate) uri: String,
    pub(crate) socket: PathBuf,
    /// Where on its socket the plugin describes itself in OpenAPI; empty: nowhere.
    pub(crate) openapi: String,
    /// Whether it has a page, whose static files are for everybody.
    pub(crate) has_ui: bool,
    /// Whether that page is shown in a frame that keeps it apart.
    pub(crate) sandboxed_ui: bool,
}

/// Reads a file: what can be served, and what is wrong with the rest.
pub(crate) fn read(text: &[u8], root: &Path) -> Result<(Vec<Entry>, Vec<Unserved>), FileError> {
    let (listed, errors) = File::parse(text)?.read();
    let mut errors: Vec<Unserved> = errors.into_iter().map(Into::into).collect();
    let mut entries = Vec::new();
    for listed in &listed {
        match Entry::of(listed, root) {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => {}
            Err(error) => errors.push(error.into()),
        }
    }
    Ok((entries, errors))
}

impl Entry {
    /// `None`: disabled, or not to be reached over HTTP.
    fn of(listed: &Listed, root: &Path) -> Result<Option<Self>, RuleError> {
        if !listed.enabled() || listed.uri().is_empty() || listed.unix_path().is_empty() {
            return Ok(None);
        }
        listed.check_uri()?;
        Ok(Some(Self {
            name: listed.name().to_owned(),
            uri: listed.uri().to_owned(),
            socket: socket(listed, root)?,
            openapi: listed.openapi().to_owned(),
            has_ui: listed.has_ui(),
            sandboxed_ui: listed.sandboxed_ui(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/srv/homeport/state";

    fn check(entry: &str, expected: Result<Option<(&str, &str)>, &str>) {
        let file = format!(r#"{{"Plugins":[{entry}],"PlusToken":""}}"#);
        let (entries, errors) = read(file.as_bytes(), Path::new(ROOT)).unwrap();
        let found = match errors.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(entries.first().map(|entry| (entry.uri.clone(), entry.socket.display().to_string()))),
        };
        match expected {
            Ok(expected) => {
                assert_eq!(found, Ok(expected.map(|(uri, socket)| (uri.to_owned(), socket.to_owned()))), "{entry}");
            }
            Err(words) => assert!(found.clone().is_err_and(|error| error.contains(words)), "{entry}: {found:?}"),
        }
    }

    #[test]
    fn entries_are_read_as_they_occur() {
        check(
            r#"{"Name":"home_assistant","URI":"home_assistant","UnixPath":"/state/plugins/ha/socket","Enabled":true,"New":[1]}"#,
            Ok(Some(("home_assistant", "/srv/homeport/state/plugins/ha/socket"))),
        );
        check(
            r#"{"name":"d","uri":"dns/block","UNIXPATH":"/state/dns/dns_block_plugin","enabled":true,"ScopedPaths":null}"#,
            Ok(Some(("dns/block", "/srv/homeport/state/dns/dns_block_plugin"))),
        );
    }

    #[test]
    fn what_is_not_to_be_served_is_not() {
        check(r#"{"Name":"a","URI":"a","UnixPath":"/state/a"}"#, Ok(None));
        check(r#"{"Name":"a","URI":"a","UnixPath":"/state/a","Enabled":false}"#, Ok(None));
        check(r#"{"Name":"PPP","Plus":true,"Enabled":true}"#, Ok(None));
    }

    #[test]
    fn dangerous_entries_are_refused() {
        let entry =
            |uri: &str, path: &str| format!(r#"{{"Name":"a","URI":"{uri}","UnixPath":"{path}","Enabled":true}}"#);
        check(&entry("a", "/var/run/docker.sock"), Err("not below the state directory"));
        check(&entry("a", "/state/docker/docker.sock"), Err("Homeport's own"));
        check(&entry("../a", "/state/a"), Err("segments"));
        check(r#"{"Name":"a","URI":7,"UnixPath":"/state/a","Enabled":true}"#, Err("wrong type"));
        check("7", Err("no JSON object"));
    }
}
