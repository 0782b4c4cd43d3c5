//! Reading the engine's JSON documents, in which any field may be missing or null.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Fields by path, absent ones as their empty value.
pub(crate) trait Document {
    /// The value at a dotted path of field names, null if there is none. Not for keys that hold dots themselves.
    fn at(&self, path: &str) -> &Value;

    /// A text, empty if there is none.
    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// A whole number, 0 if there is none.
    fn number(&self, path: &str) -> i64 {
        self.at(path).as_i64().unwrap_or_default()
    }

    /// A truth value, false if there is none.
    fn flag(&self, path: &str) -> bool {
        self.at(path).as_bool().unwrap_or_default()
    }

    /// A list, empty if there is none.
    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map_or(&[], Vec::as_slice)
    }

    /// The texts in a list.
    fn texts(&self, path: &str) -> Vec<String> {
        self.list(path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The fields of an object.
    fn fields(&self, path: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.at(path).as_object().into_iter().flatten()
    }

    /// An object whose values are texts, such as labels.
    fn labels(&self, path: &str) -> HashMap<String, String> {
        self.fields(path).filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// A list of `NAME=value`, by name. A name without value is kept with none.
    fn environment(&self, path: &str) -> BTreeMap<&str, Option<&str>> {
        let split = |text| match str::split_once(text, '=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        self.list(path).iter().filter_map(Value::as_str).map(split).collect()
    }
}

impl Document for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(self, |value, key| value.get(key).unwrap_or(&Value::Null))
    }
}

/// Whether a value says no more than its absence would.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

/// Beginning of an id, as Docker shows it and puts it into host names and aliases.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
