//! As much of JSON Schema as the document uses, and stricter: a key that the description lacks is a fault of it.

use serde_json::Value;

/// Follows a reference.
pub(crate) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => value,
    }
}

/// Compares a value with a schema.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let schema = resolve(document, schema);
    if let Some(any) = schema["anyOf"].as_array() {
        let outcomes: Vec<_> = any.iter().map(|one| check(document, one, value, place)).collect();
        return outcomes.iter().find(|outcome| outcome.is_ok()).unwrap_or(&outcomes[0]).clone();
    }
    is_of_type(&schema["type"], value).then_some(()).ok_or(format!("{place} is no {}", schema["type"]))?;
    match value {
        Value::Array(items) => {
            items.iter().try_for_each(|item| check(document, &schema["items"], item, &format!("{place}[]")))
        }
        Value::Object(fields) if schema["type"] != Value::Null => {
            let required = schema["required"].as_array().into_iter().flatten();
            if let Some(missing) = required.filter_map(Value::as_str).find(|key| !fields.contains_key(*key)) {
                return Err(format!("{place} lacks {missing}"));
            }
            let only = schema.get("properties").is_some();
            fields.iter().try_for_each(|(key, value)| {
                let place = format!("{place}.{key}");
                match (&schema["properties"][key], &schema["additionalProperties"]) {
                    (Value::Null, Value::Null) if only => Err(format!("{place} is not described")),
                    (Value::Null, other) => check(document, other, value, &place),
                    (schema, _) => check(document, schema, value, &place),
                }
            })
        }
        _ => Ok(()),
    }
}

fn is_of_type(kind: &Value, value: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| is_of_type(kind, value)),
        Value::String(kind) => match kind.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        },
        _ => true,
    }
}
