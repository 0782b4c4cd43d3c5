//! In what two plans for the same container differ, for a person who had agreed to the first.

use serde_json::Value;

/// Differences that are told at most.
const MAX: usize = 12;

/// One sentence for each value that differs between two plans, given as JSON.
pub fn differences(shown: &str, now: &str) -> Vec<String> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut found = Vec::new();
    walk("", &parse(shown), &parse(now), &mut found);
    let rest = found.len().saturating_sub(MAX);
    found.truncate(MAX);
    if rest > 0 {
        found.push(format!("and {rest} more"));
    }
    found
}

fn walk(path: &str, shown: &Value, now: &Value, found: &mut Vec<String>) {
    match (shown, now) {
        _ if shown == now => {}
        // What the ports answer is looked at, not decided.
        _ if path == "proof.ports" => {}
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let value = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                walk(&below, &value(a), &value(b), found);
            }
        }
        _ => found.push(format!("{path} is {} and was {}", told(now), told(shown))),
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_named_and_what_is_only_seen_is_not() {
        let shown = r#"{"image":{"source":{"digest":"a"}},"proof":{"ports":[1]},"force":false}"#;
        let now = r#"{"image":{"source":{"digest":"b"}},"proof":{"ports":[]},"restore":"s","force":false}"#;
        assert_eq!(differences(shown, now), ["image.source.digest is b and was a", "restore is s and was nothing"]);
    }
}
