//! What a field of a JSON document may hold.
//!
//! A document is an object all of whose fields are known by their exact names. The engine matches names in any case and
//! takes the last of two; what is sent on is therefore written anew from what was understood here.

use serde_json::{Map, Value};

/// Why a value is refused, with the way to it.
pub(super) type Refusal = String;

/// What one field may hold.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Anything: it concerns the inside of the plugin's own object.
    Free,
    /// Its empty value only, which is what clients send for all that they do not use.
    Empty,
    /// Nothing or one of these texts.
    OneOf(&'static [&'static str]),
    /// Nothing or an object with these fields.
    Object(&'static [(&'static str, Rule)]),
    /// Nothing or an object of anybody's own keys, each of whose values is such an object.
    Map(&'static [(&'static str, Rule)]),
    /// Nothing or a list of such objects.
    List(&'static [(&'static str, Rule)]),
}

/// Checks a whole document.
pub(super) fn check(document: &Value, rules: &[(&str, Rule)]) -> Result<(), Refusal> {
    let fields = document.as_object().ok_or("the body is no JSON object")?;
    object(fields, rules, "")
}

fn object(fields: &Map<String, Value>, rules: &[(&str, Rule)], place: &str) -> Result<(), Refusal> {
    fields.iter().try_for_each(|(key, value)| {
        let place = format!("{place}{key}");
        let rule = rules.iter().find(|(known, _)| known == key).map(|(_, rule)| *rule);
        field(value, rule.ok_or_else(|| format!("{place} is not known here"))?, &place)
    })
}

fn field(value: &Value, rule: Rule, place: &str) -> Result<(), Refusal> {
    let refused = || format!("{place} may not be {}", short(value));
    let fits = match (rule, value) {
        (Rule::Free, _) | (_, Value::Null) => true,
        (Rule::Empty, value) => is_empty(value),
        (Rule::OneOf(known), Value::String(text)) => text.is_empty() || known.contains(&text.as_str()),
        (Rule::Object(rules), Value::Object(fields)) => return object(fields, rules, &format!("{place}.")),
        (Rule::Map(rules), Value::Object(entries)) => {
            return entries
                .iter()
                .try_for_each(|(key, value)| field(value, Rule::Object(rules), &format!("{place}.{key}")));
        }
        (Rule::List(rules), Value::Array(items)) => {
            return items.iter().try_for_each(|item| field(item, Rule::Object(rules), &format!("{place}[]")));
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(refused()) }
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// A value for a message.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
