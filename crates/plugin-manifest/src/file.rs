//! `api.json` as a whole.

use serde::Serialize as _;
use serde_json::{Map, Value, ser::PrettyFormatter};

use crate::{Entry, EntryError};

const PLUGINS: &str = "Plugins";

/// Why `api.json` as a whole cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is no JSON.
    #[error("api.json is not valid JSON")]
    Syntax(#[source] serde_json::Error),
    /// It is a list, a text or something else.
    #[error("api.json holds no JSON object")]
    NoObject,
    /// The plugins are no list.
    #[error("Plugins in api.json is no list")]
    NoList,
}

/// The file, with every key that it came with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File(Map<String, Value>);

impl File {
    /// Reads the file's text.
    pub fn parse(text: &[u8]) -> Result<Self, FileError> {
        let document: Value = serde_json::from_slice(text).map_err(FileError::Syntax)?;
        let Value::Object(mut map) = document else { return Err(FileError::NoObject) };
        let key =
            map.keys().find(|key| *key == PLUGINS).or_else(|| map.keys().find(|key| key.eq_ignore_ascii_case(PLUGINS)));
        let plugins = match key.cloned().and_then(|key| map.remove(&key)) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(plugins)) => plugins,
            Some(_) => return Err(FileError::NoList),
        };
        map.insert(PLUGINS.to_owned(), Value::Array(plugins));
        Ok(Self(map))
    }

    /// The file's text: indented by one space, with a line end.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b" "));
        // Writing a value into memory cannot fail.
        drop(self.0.serialize(&mut serializer));
        text.push(b'\n');
        text
    }

    /// What is listed, and what is wrong with the rest.
    pub fn read(&self) -> (Vec<Entry>, Vec<EntryError>) {
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for value in self.list() {
            match Entry::read(value) {
                Ok(entry) => entries.push(entry),
                Err(error) => errors.push(error),
            }
        }
        (entries, errors)
    }

    /// The entry of a name: spelled exactly so, else in any case.
    pub fn find(&self, name: &str) -> Option<Entry> {
        self.position(name).and_then(|index| self.list().get(index)).and_then(|value| Entry::read(value).ok())
    }

    /// Puts an entry in place of the one called `name`, or of the one that is called as it is itself, or at the end.
    pub fn put(&mut self, name: &str, entry: &Entry) {
        let position = self.position(name).or_else(|| self.position(entry.name()));
        let list = self.list_mut();
        match position.and_then(|index| list.get_mut(index)) {
            Some(place) => *place = entry.to_json(),
            None => list.push(entry.to_json()),
        }
    }

    /// Takes an entry out, and gives it.
    pub fn remove(&mut self, name: &str) -> Option<Entry> {
        let index = self.position(name)?;
        Entry::read(&self.list_mut().remove(index)).ok()
    }

    fn position(&self, name: &str) -> Option<usize> {
        let named = |value: &Value| Entry::read(value).map(|entry| entry.name().to_owned()).unwrap_or_default();
        let names: Vec<String> = self.list().iter().map(named).collect();
        let exact = names.iter().position(|known| known == name);
        exact.or_else(|| names.iter().position(|known| known.eq_ignore_ascii_case(name)))
    }

    fn list(&self) -> &[Value] {
        self.0.get(PLUGINS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn list_mut(&mut self) -> &mut Vec<Value> {
        let plugins = self.0.entry(PLUGINS).or_insert_with(|| Value::Array(Vec::new()));
        if !plugins.is_array() {
            *plugins = Value::Array(Vec::new());
        }
        match plugins {
            Value::Array(list) => list,
            _ => unreachable!("it was made a list above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(name: &str, uri: &str) -> Entry {
        Entry::read(&json!({ "Name": name, "URI": uri })).unwrap()
    }

    #[test]
    fn a_change_keeps_everything_else() {
        let text =
            r#"{"InfluxDB":{"URL":"x"},"plugins":[{"name":"Dns","Own":[1]},{"Name":"b","Enabled":true}],"DNS":{}}"#;
        let mut file = File::parse(text.as_bytes()).unwrap();
        file.put("b", &entry("b", "b"));
        file.put("c", &entry("c", "c"));
        let again = File::parse(&file.to_text()).unwrap();
        assert_eq!(again, file);
        let names: Vec<_> = again.read().0.iter().map(|entry| entry.name().to_owned()).collect();
        assert_eq!(names, ["Dns", "b", "c"]);
        assert_eq!(again.0["InfluxDB"]["URL"], "x");
        assert_eq!(again.list()[0], json!({ "name": "Dns", "Own": [1] }), "others are not touched");
        assert!(String::from_utf8(again.to_text()).unwrap().contains("\n \"DNS\": {}"));
    }

    #[test]
    fn names_match_exactly_first_and_then_in_any_case() {
        let mut file = File::default();
        for name in ["Dns", "dns", "Other"] {
            file.put(name, &entry(name, ""));
        }
        assert_eq!(file.read().0.len(), 2, "a name in another case is the same plugin");
        assert_eq!(file.find("OTHER").unwrap().name(), "Other");
        assert_eq!(file.remove("dns").unwrap().name(), "dns");
        assert!(file.remove("dns").is_none());
    }

    #[test]
    fn the_body_may_rename() {
        let mut file = File::default();
        file.put("old", &entry("old", "x"));
        file.put("old", &entry("new", "x"));
        assert_eq!(file.read().0, [Entry::read(&entry("new", "x").to_json()).unwrap()]);
    }

    #[test]
    fn a_file_that_is_none_is_an_error() {
        for text in ["", "{", "[]", r#"{"Plugins":{}}"#] {
            assert!(File::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(File::parse(b"{}").unwrap().read().0.is_empty());
        assert!(File::parse(br#"{"Plugins":null}"#).unwrap().read().0.is_empty());
    }
}
