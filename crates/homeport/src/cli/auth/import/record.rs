//! One entry of a list that somebody else wrote: whatever is odd about it concerns this entry alone.

use serde_json::Value;

/// An entry, and what it is called in messages.
pub(super) struct Record<'a> {
    value: &'a Value,
    /// Such as `key 3`, or `user bea` as soon as it has a name.
    pub(super) name: String,
}

impl<'a> Record<'a> {
    /// Entry of a list, counted from one. One that has this field is called by it.
    pub(super) fn new(kind: &str, number: usize, field: &str, value: &'a Value) -> Self {
        let named = value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        // It goes to a terminal.
        let shown = |text: &str| text.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
        let name = named.map_or_else(|| format!("{kind} number {number}"), |text| format!("{kind} {}", shown(text)));
        Self { value, name }
    }

    /// The first of these fields that has a text, a number or a truth in it. Null is as good as nothing.
    pub(super) fn text(&self, fields: &[&str]) -> Option<String> {
        fields.iter().find_map(|field| match self.value.get(field)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        })
    }

    /// A field that has to be read rightly or not at all. Null is as good as nothing.
    pub(super) fn field(&self, field: &str) -> Option<&'a Value> {
        self.value.get(field).filter(|value| !value.is_null())
    }

    /// Why it is left out.
    pub(super) fn lacks(&self, what: &str) -> String {
        format!("{}: it has no {what}", self.name)
    }

    /// That something else is taken in place of what is not there.
    pub(super) fn instead(&self, what: &str, taken: &str) -> String {
        format!("{}: it has no {what}, and is taken as {taken}", self.name)
    }
}
