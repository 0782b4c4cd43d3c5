//! What a plugin may do with the engine: the `Engine` object of its entry in `api.json`.

use std::{
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use homeport_image_ref::Reference;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A list of plugins has some kilobytes; what is larger is no such list.
const MAX_BYTES: u64 = 4 << 20;

/// Rights of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The plugin's name: of its directory, and in the label of its objects.
    pub(crate) plugin: String,
    /// Images it may pull and make containers of: with a tag or digest that very one, without one any of the repository.
    pub(crate) images: Vec<Reference>,
    /// Ports of the host that its containers may have.
    pub(crate) ports: Vec<u16>,
    /// Containers it may have at the same time, running or not.
    pub(crate) max_containers: usize,
    /// Memory that each of its containers may use, in bytes.
    pub(crate) max_memory_bytes: u64,
}

/// The keys of `Engine`, in any case. One that is not among them is refused: it would be a limit that nobody keeps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    images: Vec<String>,
    ports: Vec<u16>,
    maxcontainers: usize,
    maxmemorymib: u64,
}

impl Default for Keys {
    fn default() -> Self {
        Self { images: Vec::new(), ports: Vec::new(), maxcontainers: 8, maxmemorymib: 1024 }
    }
}

/// Why the list cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("reading {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not valid JSON")]
    Syntax {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// What a file is known by; none where there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileVersion(u64, i64, i64, u64);

/// The present one.
pub(crate) fn version(path: &Path) -> Option<FileVersion> {
    let file = std::fs::metadata(path).ok()?;
    Some(FileVersion(file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
}

/// The rights of every enabled plugin that has some. Entries that make no sense are named in the log and give none.
pub(crate) fn read(path: &Path) -> Result<Vec<Grant>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let mut text = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let document: Value =
        serde_json::from_slice(&text).map_err(|source| ReadError::Syntax { path: path.to_owned(), source })?;
    Ok(grants(&document))
}

fn grants(document: &Value) -> Vec<Grant> {
    let plugins = document.as_object().and_then(|document| get(document, "Plugins")).and_then(Value::as_array);
    let mut grants: Vec<Grant> = Vec::new();
    for entry in plugins.into_iter().flatten().filter_map(Value::as_object) {
        let name = get(entry, "Name").and_then(Value::as_str).unwrap_or_default();
        match grant(name, entry) {
            Ok(Some(grant)) if grants.iter().any(|known| known.plugin == grant.plugin) => {
                tracing::warn!(plugin.name = name, "two plugins have this name; the first one's rights count");
            }
            Ok(Some(grant)) => grants.push(grant),
            Ok(None) => {}
            Err(reason) => tracing::warn!(plugin.name = name, reason, "a plugin gets no engine socket"),
        }
    }
    grants
}

fn grant(name: &str, entry: &Map<String, Value>) -> Result<Option<Grant>, String> {
    let engine = match get(entry, "Engine") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(engine)) => engine,
        Some(_) => return Err("Engine is no object".to_owned()),
    };
    if get(entry, "Enabled") != Some(&Value::Bool(true)) {
        return Ok(None);
    }
    if !is_name(name) {
        return Err("its name is not made of letters, digits, '-', '_' and '.'".to_owned());
    }
    let lower = engine.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect::<Map<_, _>>();
    let keys: Keys = serde_json::from_value(lower.into()).map_err(|error| format!("Engine: {error}"))?;
    let image = |text: &String| text.parse::<Reference>().map_err(|_| format!("{text:?} is no image"));
    Ok(Some(Grant {
        plugin: name.to_owned(),
        images: keys.images.iter().map(image).collect::<Result<_, _>>()?,
        ports: keys.ports,
        max_containers: keys.maxcontainers,
        max_memory_bytes: memory_bytes(keys.maxmemorymib)?,
    }))
}

/// The `Engine` object of an entry; none if it has none, or null.
pub(crate) fn engine_of(entry: &Value) -> Option<&Value> {
    get(entry.as_object()?, "Engine").filter(|engine| !engine.is_null())
}

/// Memory in bytes, as the engine takes it: for it nothing is no limit, and more than its numbers hold is less.
fn memory_bytes(mebibytes: u64) -> Result<u64, String> {
    let bytes = mebibytes.checked_mul(1 << 20).filter(|bytes| (1..=i64::MAX.unsigned_abs()).contains(bytes));
    bytes.ok_or_else(|| format!("Engine: MaxMemoryMiB may not be {mebibytes}"))
}

/// As `api.json` allows names; it becomes the name of a directory, and the value of a label.
fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(letter) && !name.starts_with('.')
}

fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).or_else(|| map.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

impl Grant {
    /// Whether an image may be used, by a name that can mean nothing else: ids and beginnings of ids are none.
    pub(crate) fn allows_image(&self, name: &str) -> bool {
        let Ok(asked) = name.parse::<Reference>() else { return false };
        self.images.iter().any(|known| {
            known.same_repository(&asked)
                && match (known.digest(), known.tag()) {
                    (Some(digest), _) => asked.digest() == Some(digest),
                    (None, Some(_)) => asked.digest().is_none() && asked.tag_or_latest() == known.tag(),
                    (None, None) => true,
                }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(entry: &Value) -> Vec<Grant> {
        grants(&json!({ "Plugins": [entry] }))
    }

    #[test]
    fn rights_are_read_and_nonsense_gives_none() {
        let good = json!({ "name": "a", "enabled": true, "Engine": { "Images": ["alpine:3"], "MaxContainers": 2, "Ports": [81] } });
        let grants = check(&good);
        assert_eq!((grants[0].max_containers, grants[0].ports.as_slice()), (2, &[81][..]));
        let most = check(&json!({ "Name": "a", "Enabled": true, "Engine": { "MaxMemoryMiB": (1_u64 << 43) - 1 } }));
        assert_eq!(most[0].max_memory_bytes, ((1 << 43) - 1) << 20);
        for bad in [
            json!({ "Name": "a", "Enabled": true }),
            json!({ "Name": "a", "Enabled": false, "Engine": {} }),
            json!({ "Name": "../a", "Enabled": true, "Engine": {} }),
            json!({ "Name": "..", "Enabled": true, "Engine": {} }),
            json!({ "Name": "a", "Enabled": true, "Engine": { "Privileged": true } }),
            json!({ "Name": "a", "Enabled": true, "Engine": { "Images": [5] } }),
            json!({ "Name": "a", "Enabled": true, "Engine": { "Images": ["-:"] } }),
            json!({ "Name": "a", "Enabled": true, "Engine": [] }),
            json!({ "Name": "a", "Enabled": true, "Engine": { "MaxMemoryMiB": 0 } }),
            json!({ "Name": "a", "Enabled": true, "Engine": { "MaxMemoryMiB": 1_u64 << 44 } }),
            json!({ "Name": "a", "Enabled": true, "Engine": { "MaxMemoryMiB": 1_u64 << 43 } }),
        ] {
            assert_eq!(check(&bad), [], "{bad}");
        }
    }

    #[test]
    fn images_are_those_that_are_named() {
        let grants =
            check(&json!({ "Name": "a", "Enabled": true, "Engine": { "Images": ["alpine:3", "r.io/x/any"] } }));
        for (name, expected) in [
            ("alpine:3", true),
            ("docker.io/library/alpine:3", true),
            ("alpine", false),
            ("alpine:4", false),
            ("other/alpine:3", false),
            ("r.io/x/any:1", true),
            ("r.io/x/any", true),
            ("r.io/x/any2:1", false),
            ("evil.io/x/any:1", false),
            ("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false),
            ("0123456789ab", false),
            ("", false),
        ] {
            assert_eq!(grants[0].allows_image(name), expected, "{name}");
        }
    }
}
