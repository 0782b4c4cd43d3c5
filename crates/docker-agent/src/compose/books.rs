//! What compose writes about a service into its containers' labels, as it does where the service's dependencies are looked at.
//!
//! `--no-deps`, by which they are left alone, makes compose take the service for one that waits for nobody: the label says
//! so, and up to compose 2.26 the hash of the configuration does too, by which the next `docker compose up` would take the
//! container for outdated and make it again.

use serde_json::Value;

use super::{Description, Guarded};
use crate::document::Document as _;

/// What the service waits for: `service:condition:restart`, separated by commas.
pub(super) const DEPENDS_LABEL: &str = "com.docker.compose.depends_on";
/// What the container was made from.
pub(super) const HASH_LABEL: &str = "com.docker.compose.config-hash";

/// What is written instead; nothing where the service waits for nobody.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) depends_on: String,
    pub(super) hashes: Option<Hashes>,
}

/// Hashes of a service's configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hashes {
    /// As if it waited for nobody. Where compose writes another one, it looks at more than is known here, and is right.
    /// None: that cannot be asked for.
    pub(super) waiting_for_nobody: Option<String>,
    /// As it is.
    pub(super) own: String,
}

/// A service that waits for others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) depends_on: String,
    /// The project's configuration with all that the service waits for.
    pub(super) config: String,
    /// As if it waited for nobody. None: it waits also for those that it names elsewhere, whatever is done.
    pub(super) config_without: Option<String>,
}

impl Waiting {
    /// By the files as they are. What the service waits for if it is there, which is not the case in every profile, counts
    /// only where one of its containers names it.
    pub(super) fn of(service: &str, description: &Description, guarded: &[Guarded]) -> Option<Self> {
        let mut config: Value = serde_json::from_str(&description.config_json).ok()?;
        let is_named = |other: &str| {
            let labels = guarded.iter().filter_map(|one| one.before.container.at("Config.Labels").get(DEPENDS_LABEL));
            labels
                .filter_map(Value::as_str)
                .flat_map(|label| label.split(','))
                .any(|entry| entry.split(':').next() == Some(other))
        };
        let service_config = config.get_mut("services")?.get_mut(service)?;
        let depends_on = service_config.get_mut("depends_on")?.as_object_mut()?;
        depends_on.retain(|other, how| how.get("required").and_then(Value::as_bool) != Some(false) || is_named(other));
        if depends_on.is_empty() {
            return None;
        }
        let entries = depends_on.iter().map(|(other, how)| {
            let condition = Some(how.text("condition")).filter(|text| !text.is_empty()).unwrap_or("service_started");
            format!("{other}:{condition}:{}", how.flag("restart"))
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        let with = config.to_string();
        let service_config = config.get_mut("services")?.get_mut(service)?;
        let config_without = if names_others(service_config) {
            None
        } else {
            service_config.as_object_mut()?.remove("depends_on");
            Some(config.to_string())
        };
        Some(Self { depends_on: entries, config: with, config_without })
    }
}

/// Whether a service names others than in `depends_on`, whom compose has it wait for as well.
fn names_others(service: &Value) -> bool {
    let is_there = |key: &str| service.get(key).and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    let is_in = |key: &str| service.text(key).starts_with("service:");
    is_there("links") || is_there("volumes_from") || ["network_mode", "pid", "ipc"].into_iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use serde_json::json;

    use super::*;
    use crate::container::Inspected;

    #[test]
    fn s10_1_what_a_service_waits_for_is_written_as_compose_writes_it() {
        let depends_on = json!({
            "db": { "condition": "service_healthy", "restart": true, "required": true },
            "cache": { "condition": "service_started", "required": true },
            "debug": { "condition": "service_started", "required": false },
        });
        let config = json!({ "services": { "web": { "image": "nginx", "depends_on": depends_on }, "db": {} } });
        let description = Description { config_json: config.to_string(), hashes: HashMap::new() };
        let guarded = |label: &str| {
            let container = json!({ "Config": { "Labels": { DEPENDS_LABEL: label } } });
            vec![Guarded {
                before: Inspected { container, image: Arc::default() },
                expected: Vec::new(),
                image: String::new(),
            }]
        };
        let check = |guarded: &[Guarded], mut expected: Vec<&str>| {
            let waiting = Waiting::of("web", &description, guarded).unwrap();
            let mut found: Vec<&str> = waiting.depends_on.split(',').collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            let with = read(&waiting.config);
            assert_eq!(with["services"]["web"]["depends_on"].as_object().unwrap().len(), expected.len());
            let without = read(&waiting.config_without.unwrap());
            assert_eq!(without["services"]["web"], json!({ "image": "nginx" }));
        };
        check(&[], vec!["db:service_healthy:true", "cache:service_started:false"]);
        check(&guarded("db:service_healthy:true"), vec!["db:service_healthy:true", "cache:service_started:false"]);
        let all = vec!["db:service_healthy:true", "cache:service_started:false", "debug:service_started:false"];
        check(&guarded("debug:service_started:false"), all);
        for service in ["db", "gone"] {
            assert_eq!(Waiting::of(service, &description, &[]), None);
        }
        let linked = description.config_json.replace("\"image\"", "\"links\":[\"db:db\"],\"image\"");
        let linked = Description { config_json: linked, hashes: HashMap::new() };
        assert_eq!(Waiting::of("web", &linked, &[]).unwrap().config_without, None);
    }
}
