//! The file `api.json`, and what the gateway reads in it.
//!
//! Keys are matched without regard to case, most of them are usually missing, and those that nobody here knows are
//! somebody else's.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

/// What `/state` at the beginning of a `UnixPath` stands for: the state directory, wherever it is on this machine.
const STATE: &str = "/state";

/// Why `api.json` as a whole cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("api.json is not valid JSON; the plugins stay as they were")]
    Syntax(#[source] serde_json::Error),
    #[error("api.json holds no JSON object; the plugins stay as they were")]
    NoObject,
    #[error("Plugins in api.json is no list; the plugins stay as they were")]
    NoList,
}

/// Why one entry cannot be served.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("an entry of Plugins is no JSON object")]
    NoObject,
    #[error("{key} of plugin {name:?} has the wrong type")]
    Type { name: String, key: &'static str },
    #[error("URI {uri:?} of plugin {name:?} is not made of segments of letters, digits, '-', '_' and '.'")]
    Uri { name: String, uri: String },
    #[error(
        "UnixPath {path:?} of plugin {name:?} is not an absolute path of letters, digits, '/', '-', '.' and '_' without '..'"
    )]
    UnixPath { name: String, path: String },
    #[error("UnixPath {path:?} of plugin {name:?} is not below the state directory")]
    Outside { name: String, path: String },
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
}

/// Reads a file: what can be served, and what is wrong with the rest.
pub(crate) fn read(text: &[u8], root: &Path) -> Result<(Vec<Entry>, Vec<EntryError>), FileError> {
    let document: Value = serde_json::from_slice(text).map_err(FileError::Syntax)?;
    let document = document.as_object().ok_or(FileError::NoObject)?;
    let plugins = match get(document, "Plugins") {
        None | Some(Value::Null) => return Ok((Vec::new(), Vec::new())),
        Some(Value::Array(plugins)) => plugins,
        Some(_) => return Err(FileError::NoList),
    };
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for plugin in plugins {
        match Entry::read(plugin, root) {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    Ok((entries, errors))
}

impl Entry {
    /// `None`: disabled, or not to be reached over HTTP.
    fn read(value: &Value, root: &Path) -> Result<Option<Self>, EntryError> {
        let map = value.as_object().ok_or(EntryError::NoObject)?;
        let name = text(map, "", "Name")?;
        let (uri, path) = (text(map, &name, "URI")?, text(map, &name, "UnixPath")?);
        let enabled = match get(map, "Enabled") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(enabled)) => *enabled,
            Some(_) => return Err(EntryError::Type { name, key: "Enabled" }),
        };
        if !enabled || uri.is_empty() || path.is_empty() {
            return Ok(None);
        }
        if !is_uri(&uri) {
            return Err(EntryError::Uri { name, uri });
        }
        let socket = socket(&name, &path, root)?;
        let openapi = text(map, &name, "OpenAPI")?;
        Ok(Some(Self { name, uri, socket, openapi }))
    }
}

/// The value of a key: spelled exactly so, else in any case.
fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).or_else(|| map.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

fn text(map: &Map<String, Value>, name: &str, key: &'static str) -> Result<String, EntryError> {
    match get(map, key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(EntryError::Type { name: name.to_owned(), key }),
    }
}

fn is_uri(uri: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    uri.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(letter))
}

/// Where a socket is on this machine.
fn socket(name: &str, path: &str, root: &Path) -> Result<PathBuf, EntryError> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_');
    let harmless =
        |path: &Path| path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let written = Path::new(path);
    if !path.starts_with('/') || !path.bytes().all(letter) || !harmless(written) {
        return Err(EntryError::UnixPath { name: name.to_owned(), path: path.to_owned() });
    }
    if written.starts_with(root) {
        return Ok(written.to_owned());
    }
    match written.strip_prefix(STATE) {
        Ok(inner) if inner != Path::new("") => Ok(root.join(inner)),
        _ => Err(EntryError::Outside { name: name.to_owned(), path: path.to_owned() }),
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
        check(
            r#"{"Name":"abs","URI":"abs","UnixPath":"/srv/homeport/state/x.sock","Enabled":true}"#,
            Ok(Some(("abs", "/srv/homeport/state/x.sock"))),
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
        check(&entry("a", "/state"), Err("not below"));
        check(&entry("a", "/stately/a"), Err("not below"));
        check(&entry("a", "/state/../run/docker.sock"), Err("without '..'"));
        check(&entry("a", "state/a"), Err("absolute"));
        check(&entry("a", "/state/a b"), Err("absolute"));
        check(&entry("../a", "/state/a"), Err("segments"));
        check(&entry("a/", "/state/a"), Err("segments"));
        check(&entry("a//b", "/state/a"), Err("segments"));
        check(r#"{"Name":"a","URI":7,"UnixPath":"/state/a","Enabled":true}"#, Err("wrong type"));
        check("7", Err("no JSON object"));
    }

    #[test]
    fn a_file_that_is_none_is_an_error() {
        for text in ["", "{", "[]", r#"{"Plugins":{}}"#] {
            assert!(read(text.as_bytes(), Path::new(ROOT)).is_err(), "{text}");
        }
        assert!(read(b"{}", Path::new(ROOT)).unwrap().0.is_empty());
        assert!(read(br#"{"Plugins":null}"#, Path::new(ROOT)).unwrap().0.is_empty());
    }
}
