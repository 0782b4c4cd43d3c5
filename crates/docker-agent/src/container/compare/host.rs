//! `HostConfig`: all of it, since none of it comes from an image.

use serde_json::{Value, json};

use super::{Differences, entry, keys};
use crate::document::Document as _;

/// Compared as what they amount to ([`super::mounts`]), or the size of the terminal that somebody typed in.
const PASSED_OVER: [&str; 4] = ["Binds", "Mounts", "VolumesFrom", "ConsoleSize"];
/// Asked one after the other, so their order counts.
const ORDERED: [&str; 2] = ["Dns", "DnsSearch"];

pub(super) fn compare(before: &Value, after: &Value, differences: &mut Differences) {
    let (old, new) = (before.at("HostConfig"), after.at("HostConfig"));
    for key in keys(old, new) {
        let field = format!("HostConfig.{key}");
        let (old, new) = (entry(old, &key), entry(new, &key));
        match key.as_str() {
            key if PASSED_OVER.contains(&key) => {}
            key if ORDERED.contains(&key) => differences.check(field, old, new),
            // Unset leaves it to the engine's settings, so it is not the same as no.
            "Init" | "MemorySwappiness" if usual(&key, old) != usual(&key, new) => {
                differences.0.push(super::Difference {
                    field,
                    before: (!old.is_null()).then(|| old.clone()),
                    after: (!new.is_null()).then(|| new.clone()),
                });
            }
            "Init" | "MemorySwappiness" => {}
            "Links" => differences.check(field, &links(old), &links(new)),
            _ => differences.check_deeply(&field, &usual(&key, old), &usual(&key, new)),
        }
    }
}

/// Engines write these defaults in more than one way.
fn usual(key: &str, value: &Value) -> Value {
    match (key, value.as_str(), value.as_i64()) {
        ("NetworkMode", Some("default"), _) => json!("bridge"),
        ("MemorySwappiness", _, Some(-1)) => Value::Null,
        // A place in memory without options is not the same as none.
        ("Tmpfs", ..) => value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(place, options)| (place.clone(), json!(["=", options])))
            .collect(),
        ("RestartPolicy", ..) if value.text("Name") == "no" => Value::Null,
        _ => value.clone(),
    }
}

/// `/other:/this/alias` names the container itself, whose name is another for as long as both exist.
fn links(value: &Value) -> Value {
    let mut links: Vec<(&str, &str)> = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|link| link.as_str()?.split_once(':'))
        .map(|(other, alias)| (other.trim_start_matches('/'), alias.rsplit('/').next().unwrap_or(alias)))
        .collect();
    links.sort_unstable();
    json!(links)
}
