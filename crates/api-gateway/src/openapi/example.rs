//! Worked examples: one text that is both schema and example.

use serde_json::{Map, Value, json};

/// Texts that begin so name a shape.
const NAMED: char = '#';
/// Named shapes within named shapes; deeper ones are left out of examples.
const DEPTH: usize = 6;

/// Reads an example. A text that is no JSON becomes one that says so, which a test looks for.
pub(super) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| Value::from(format!("{text} is no JSON: {error}")))
}

/// The schema of a worked example.
pub(super) fn schema(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(text) => match text.strip_prefix(NAMED) {
            Some(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
            None => json!({ "type": "string" }),
        },
        Value::Array(items) => json!({ "type": "array", "items": items.first().map_or_else(|| json!({}), schema) }),
        Value::Object(fields) => object(fields),
    }
}

fn object(fields: &Map<String, Value>) -> Value {
    let mut schema_of = json!({ "type": "object" });
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (key, value) in fields {
        if key.starts_with('<') {
            schema_of["additionalProperties"] = schema(value);
        } else if let Some(key) = key.strip_suffix('?') {
            properties.insert(key.to_owned(), nullable(schema(value)));
        } else {
            required.push(Value::from(key.as_str()));
            properties.insert(key.clone(), schema(value));
        }
    }
    if !properties.is_empty() {
        schema_of["properties"] = properties.into();
    }
    if !required.is_empty() {
        schema_of["required"] = required.into();
    }
    schema_of
}

fn nullable(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(one) => schema["type"] = json!([one, "null"]),
        None if schema.get("$ref").is_some() => return json!({ "anyOf": [schema, { "type": "null" }] }),
        None => {}
    }
    schema
}

/// The example without its marks.
pub(super) fn plain(example: &Value, shapes: &[(&str, &str)]) -> Value {
    plain_to(example, shapes, DEPTH)
}

fn plain_to(example: &Value, shapes: &[(&str, &str)], depth: usize) -> Value {
    match example {
        Value::String(text) => match text.strip_prefix(NAMED) {
            Some(name) if depth > 0 => shapes
                .iter()
                .find(|(known, _)| *known == name)
                .map_or(Value::Null, |(_, text)| plain_to(&read(text), shapes, depth - 1)),
            Some(_) => Value::Null,
            None => example.clone(),
        },
        Value::Array(items) => items.iter().map(|item| plain_to(item, shapes, depth)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let key = key.trim_end_matches('?').trim_start_matches('<').trim_end_matches('>');
                (key.to_owned(), plain_to(value, shapes, depth))
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_schema() {
        let example = read(r##"{"a": 1, "b?": "x", "<name>": ["#Shape"], "c": [], "d": 0.5}"##);
        assert_eq!(
            schema(&example),
            json!({
                "type": "object",
                "properties": {
                    "a": { "type": "integer" },
                    "b": { "type": ["string", "null"] },
                    "c": { "type": "array", "items": {} },
                    "d": { "type": "number" },
                },
                "required": ["a", "c", "d"],
                "additionalProperties": { "type": "array", "items": { "$ref": "#/components/schemas/Shape" } },
            })
        );
        let shapes = [("Shape", r#"{"x?": true}"#)];
        assert_eq!(plain(&example, &shapes), json!({ "a": 1, "b": "x", "name": [{ "x": true }], "c": [], "d": 0.5 }));
    }
}
