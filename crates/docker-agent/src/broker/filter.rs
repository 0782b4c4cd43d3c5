//! The `filters` of lists, with the plugin's label among them.

use serde_json::{Map, Value, json};

use super::{LABEL, query::Query, rules::Refusal};

/// Filters that tell nothing of others' objects. `since`, `before` and `network` name some.
const KNOWN: [&str; 14] = [
    "ancestor",
    "dangling",
    "driver",
    "event",
    "exited",
    "health",
    "id",
    "image",
    "label",
    "name",
    "reference",
    "status",
    "type",
    "volume",
];

/// Adds the plugin's label to a query's filters.
pub(super) fn restrict(query: &mut Query, plugin: &str) -> Result<(), Refusal> {
    let mut filters = parse(query)?;
    let labels = filters.entry("label").or_insert_with(|| json!({}));
    labels[format!("{LABEL}={plugin}")] = true.into();
    query.retain(|(name, _)| name != "filters");
    query.push(("filters".to_owned(), Value::from(filters).to_string()));
    Ok(())
}

/// The filters as the engine writes them: objects of `true`. Clients also send lists.
fn parse(query: &Query) -> Result<Map<String, Value>, Refusal> {
    let wrong = || "filters is no object of filters".to_owned();
    let Some((_, text)) = query.iter().find(|(name, _)| name == "filters") else { return Ok(Map::new()) };
    if text.is_empty() {
        return Ok(Map::new());
    }
    let found: Map<String, Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    let mut filters = Map::new();
    for (name, values) in found {
        if !KNOWN.contains(&name.as_str()) {
            return Err(format!("filter {name} is not known here"));
        }
        let values: Map<String, Value> = match values {
            Value::Array(values) => {
                let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
                texts
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(wrong)?
                    .into_iter()
                    .map(|text| (text, true.into()))
                    .collect()
            }
            Value::Object(values) => values.into_iter().map(|(text, _)| (text, true.into())).collect(),
            _ => return Err(wrong()),
        };
        filters.insert(name, values.into());
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restricted(filters: &str) -> Result<Value, Refusal> {
        let mut query = vec![("filters".to_owned(), filters.to_owned())];
        restrict(&mut query, "a")?;
        Ok(serde_json::from_str(&query[0].1).unwrap())
    }

    #[test]
    fn the_label_is_always_there() {
        assert_eq!(restricted("").unwrap(), json!({ "label": { "homeport.plugin=a": true } }));
        assert_eq!(
            restricted(r#"{"label":["x"],"status":{"running":true}}"#).unwrap(),
            json!({ "label": { "x": true, "homeport.plugin=a": true }, "status": { "running": true } })
        );
        for nonsense in [r#"{"before":["x"]}"#, r#"{"label":"x"}"#, r#"{"label":[1]}"#, "[]", "x"] {
            assert!(restricted(nonsense).is_err(), "{nonsense}");
        }
    }
}
