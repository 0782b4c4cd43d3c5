//! One plugin as it is listed.

use serde_json::{Map, Value};

/// Why a value is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is a list, a text or something else.
    #[error("a plugin is no JSON object")]
    NoObject,
    /// A key has a value of another type.
    #[error("{key} of plugin {name:?} has the wrong type")]
    Type {
        /// The plugin's name, empty if that is what is wrong.
        name: String,
        /// The key.
        key: &'static str,
    },
}

/// What the value of a key may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    Texts,
    Object,
}

/// The keys that everybody knows.
const KEYS: [(&str, Kind); 15] = [
    ("Name", Kind::Text),
    ("URI", Kind::Text),
    ("UnixPath", Kind::Text),
    ("Enabled", Kind::Flag),
    ("Plus", Kind::Flag),
    ("GitURL", Kind::Text),
    ("ComposeFilePath", Kind::Text),
    ("HasUI", Kind::Flag),
    ("HasTopology", Kind::Flag),
    ("Icon", Kind::Text),
    ("InstallTokenPath", Kind::Text),
    ("ScopedPaths", Kind::Texts),
    ("NetworkCapabilities", Kind::Object),
    ("Runtime", Kind::Text),
    ("AvailableRuntimes", Kind::Texts),
];
/// Keys that stay away if they were: the absence of `SandboxedUI` means true, and `OpenAPI` is Homeport's own.
const OPTIONAL: [(&str, Kind); 2] = [(SANDBOXED_UI, Kind::Flag), (OPENAPI, Kind::Text)];
const SANDBOXED_UI: &str = "SandboxedUI";
const OPENAPI: &str = "OpenAPI";

/// A plugin as it is listed, with every key that it came with; known ones are spelled as everybody spells them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry(Map<String, Value>);

impl Entry {
    /// Reads an entry. Of two spellings of one key the exact one counts.
    pub fn read(value: &Value) -> Result<Self, EntryError> {
        let map = value.as_object().ok_or(EntryError::NoObject)?;
        let known = || KEYS.iter().copied().chain(OPTIONAL);
        let mut entry = Map::new();
        for (key, value) in map {
            let spelled = known().map(|(known, _)| known).find(|known| known.eq_ignore_ascii_case(key));
            let is_exact = spelled.is_none_or(|known| known == key);
            if is_exact || !map.contains_key(spelled.unwrap_or(key)) {
                entry.insert(spelled.unwrap_or(key).to_owned(), value.clone());
            }
        }
        entry.retain(|_, value| !value.is_null());
        let name = entry.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
        for (key, kind) in known() {
            if entry.get(key).is_some_and(|value| !kind.holds(value)) {
                return Err(EntryError::Type { name, key });
            }
        }
        Ok(Self(entry))
    }

    /// Its unique name.
    pub fn name(&self) -> &str {
        self.text("Name")
    }

    /// Where it appears below `/plugins/`; empty: nowhere.
    pub fn uri(&self) -> &str {
        self.text("URI")
    }

    /// Its socket as the plugin's container knows it; empty: none.
    pub fn unix_path(&self) -> &str {
        self.text("UnixPath")
    }

    /// Whether it is reachable, and started if it has a compose file.
    pub fn enabled(&self) -> bool {
        self.flag("Enabled")
    }

    /// Whether it is one of those that only a subscription makes valid.
    pub fn plus(&self) -> bool {
        self.flag("Plus")
    }

    /// The repository that it came from; empty: none.
    pub fn git_url(&self) -> &str {
        self.text("GitURL")
    }

    /// The compose file that starts it, relative to where Homeport is installed; empty: somebody else starts it.
    pub fn compose_file_path(&self) -> &str {
        self.text("ComposeFilePath")
    }

    /// Whether it has a page.
    pub fn has_ui(&self) -> bool {
        self.flag("HasUI")
    }

    /// Whether that page is shown in a frame that keeps it apart. Absence means that it is.
    pub fn sandboxed_ui(&self) -> bool {
        self.0.get(SANDBOXED_UI).and_then(Value::as_bool).unwrap_or(true)
    }

    /// Where on its socket it describes itself in OpenAPI; empty: nowhere.
    pub fn openapi(&self) -> &str {
        self.text(OPENAPI)
    }

    /// Where its token is to be written when it is installed; empty: it wants none.
    pub fn install_token_path(&self) -> &str {
        self.text("InstallTokenPath")
    }

    /// What that token may reach; empty: everything.
    pub fn scoped_paths(&self) -> Vec<String> {
        let list = self.0.get("ScopedPaths").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// `default`, or whatever else was asked for, in lower case.
    pub fn runtime(&self) -> String {
        let runtime = self.text("Runtime").trim().to_ascii_lowercase();
        if runtime.is_empty() { "default".to_owned() } else { runtime }
    }

    /// The same, enabled or not.
    #[must_use]
    pub fn with_enabled(mut self, enabled: bool) -> Self {
        self.0.insert("Enabled".to_owned(), enabled.into());
        self
    }

    /// The same with another compose file.
    #[must_use]
    pub fn with_compose_file_path(mut self, path: &str) -> Self {
        self.0.insert("ComposeFilePath".to_owned(), path.into());
        self
    }

    /// The same from another repository.
    #[must_use]
    pub fn with_git_url(mut self, url: &str) -> Self {
        self.0.insert("GitURL".to_owned(), url.into());
        self
    }

    /// Whether two entries differ in nothing but whether they are enabled.
    pub fn differs_at_most_in_enabled(&self, other: &Self) -> bool {
        let plain = |entry: &Self| {
            let Value::Object(mut all) = entry.to_json() else { return Map::new() };
            all.remove("Enabled");
            all
        };
        plain(self) == plain(other)
    }

    /// The entry with all keys that everybody knows, as clients expect it: what is missing has the value of its type that
    /// says nothing, and `SandboxedUI` stays away if it was.
    pub fn to_json(&self) -> Value {
        let mut all = self.0.clone();
        for (key, kind) in KEYS {
            let is_empty_list = all.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty);
            if is_empty_list || !all.contains_key(key) {
                all.insert(key.to_owned(), kind.nothing());
            }
        }
        Value::Object(all)
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or_default()
    }
}

impl Kind {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::Object => value.is_object(),
        }
    }

    fn nothing(self) -> Value {
        match self {
            Self::Text => "".into(),
            Self::Flag => false.into(),
            Self::Texts => Value::Null,
            Self::Object => serde_json::json!({ "Interface": "", "DeviceMAC": "", "Policies": null, "Groups": null }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_any_case_are_known_and_others_stay() {
        let entry = Entry::read(&json!({
            "name": "a", "uri": "wrong", "URI": "a", "ENABLED": true, "Mesh": [1], "ScopedPaths": null, "sandboxedui": false
        }));
        let entry = entry.unwrap();
        assert_eq!((entry.name(), entry.uri(), entry.enabled(), entry.sandboxed_ui()), ("a", "a", true, false));
        let shown = entry.to_json();
        assert_eq!((&shown["Mesh"], &shown["ScopedPaths"], &shown["Plus"]), (&json!([1]), &Value::Null, &json!(false)));
        assert_eq!(shown["SandboxedUI"], json!(false));
        assert!(shown.get("name").is_none() && shown.get("uri").is_none());
        assert_eq!(Entry::read(&shown).unwrap().to_json(), shown);
    }

    #[test]
    fn a_missing_sandbox_is_one_and_stays_missing() {
        let entry = Entry::read(&json!({ "Name": "a" })).unwrap();
        assert!(entry.sandboxed_ui());
        assert!(entry.to_json().get("SandboxedUI").is_none());
    }

    #[test]
    fn wrong_types_are_named() {
        let wrong = |value| Entry::read(&value).unwrap_err();
        assert_eq!(wrong(json!([])), EntryError::NoObject);
        assert_eq!(wrong(json!({ "Name": "a", "uri": 7 })), EntryError::Type { name: "a".to_owned(), key: "URI" });
        let scopes = json!({ "Name": "a", "ScopedPaths": [1] });
        assert_eq!(wrong(scopes), EntryError::Type { name: "a".to_owned(), key: "ScopedPaths" });
    }

    #[test]
    fn whether_only_enabled_changed_does_not_depend_on_what_is_left_out() {
        let one = Entry::read(&json!({ "Name": "a", "Enabled": true, "GitURL": "" })).unwrap();
        let other = Entry::read(&json!({ "Name": "a" })).unwrap();
        assert!(one.differs_at_most_in_enabled(&other));
        assert!(!one.differs_at_most_in_enabled(&other.clone().with_git_url("https://x")));
    }
}
