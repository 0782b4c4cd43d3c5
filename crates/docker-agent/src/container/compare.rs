//! In what two containers differ beyond what a recreation must change.
//!
//! Pure: it walks the two inspect documents, and knows from the description of each one's image what the image brought
//! along. It shares no code with the making of replacements beyond [`super::endpoint`], so that it finds their mistakes.
//!
//! What must change and is passed over: ids, times, state, paths below the engine's directory, the image, addresses that
//! the engine chose, and the labels in which compose and Homeport keep their own books.

mod config;
mod host;
mod mounts;
mod networks;

use std::collections::BTreeSet;

use serde_json::Value;

use super::Inspected;
use crate::document::is_empty;

/// A field in which two containers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Path in the inspect document, such as `HostConfig.Memory`.
    pub(crate) field: String,
    /// The value on each side, none where the side lacks it.
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// In what `after` differs from `before`. Empty: in nothing that matters.
pub(crate) fn compare(before: &Inspected, after: &Inspected) -> Vec<Difference> {
    let mut differences = Differences::default();
    config::compare(before, after, &mut differences);
    host::compare(&before.container, &after.container, &mut differences);
    mounts::compare(before, after, &mut differences);
    networks::compare(&before.container, &after.container, &mut differences);
    differences.0
}

/// The differences found so far.
#[derive(Debug, Default)]
struct Differences(Vec<Difference>);

impl Differences {
    /// Notes a difference unless both sides say the same; absent, null and empty are the same.
    fn check(&mut self, field: impl Into<String>, before: &Value, after: &Value) {
        if before != after && !(is_empty(before) && is_empty(after)) {
            let side = |value: &Value| (!value.is_null()).then(|| value.clone());
            self.0.push(Difference { field: field.into(), before: side(before), after: side(after) });
        }
    }

    /// Like [`Differences::check`], field by field in objects, and lists whose order means nothing as sets.
    fn check_deeply(&mut self, field: &str, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Object(_), Value::Object(_) | Value::Null) | (Value::Null, Value::Object(_)) => {
                for key in keys(before, after) {
                    self.check_deeply(&format!("{field}.{key}"), entry(before, &key), entry(after, &key));
                }
            }
            (Value::Array(a), Value::Array(b)) if sorted(a) == sorted(b) => {}
            _ => self.check(field, before, after),
        }
    }
}

/// All keys of two objects, ordered.
fn keys(a: &Value, b: &Value) -> BTreeSet<String> {
    [a, b].into_iter().filter_map(Value::as_object).flat_map(|object| object.keys().cloned()).collect()
}

/// An entry of an object by its key, dots and all.
fn entry<'a>(object: &'a Value, key: &str) -> &'a Value {
    object.get(key).unwrap_or(&Value::Null)
}

fn sorted(list: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

#[cfg(test)]
mod tests;
