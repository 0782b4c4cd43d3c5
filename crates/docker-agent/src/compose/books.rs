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

/// Values of both labels; empty where the service waits for nobody.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) depends_on: String,
    pub(super) config_hash: String,
}

impl Books {
    /// Of a service by the files as they are. What it waits for if it is there, which is not the case in every profile, is
    /// named only where one of its containers names it.
    pub(super) fn of(service: &str, description: &Description, guarded: &[Guarded]) -> Self {
        let Ok(config) = serde_json::from_str::<Value>(&description.config_json) else { return Self::default() };
        let service_config = config.at("services").get(service).unwrap_or(&Value::Null);
        let is_named = |other: &str| {
            let labels = guarded.iter().filter_map(|one| one.before.container.at("Config.Labels").get(DEPENDS_LABEL));
            labels
                .filter_map(Value::as_str)
                .flat_map(|label| label.split(','))
                .any(|entry| entry.split(':').next() == Some(other))
        };
        let named = service_config
            .fields("depends_on")
            .filter(|(other, how)| how.get("required").and_then(Value::as_bool) != Some(false) || is_named(other));
        let entries = named.map(|(other, how)| {
            let condition = Some(how.text("condition")).filter(|text| !text.is_empty()).unwrap_or("service_started");
            format!("{other}:{condition}:{}", how.flag("restart"))
        });
        let depends_on = entries.collect::<Vec<_>>().join(",");
        if depends_on.is_empty() {
            return Self::default();
        }
        Self { depends_on, config_hash: description.hashes.get(service).cloned().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        let config = json!({ "services": { "web": { "depends_on": depends_on }, "db": {} } });
        let description =
            Description { config_json: config.to_string(), hashes: [("web".to_owned(), "abc".to_owned())].into() };
        let guarded = |label: &str| {
            let container = json!({ "Config": { "Labels": { DEPENDS_LABEL: label } } });
            vec![Guarded {
                before: Inspected { container, image: Arc::default() },
                expected: Vec::new(),
                image: String::new(),
            }]
        };
        let check = |guarded: &[Guarded], mut expected: Vec<&str>| {
            let books = Books::of("web", &description, guarded);
            let mut found: Vec<&str> = books.depends_on.split(',').collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!((found, books.config_hash.as_str()), (expected, "abc"));
        };
        check(&[], vec!["db:service_healthy:true", "cache:service_started:false"]);
        check(&guarded("db:service_healthy:true"), vec!["db:service_healthy:true", "cache:service_started:false"]);
        let all = vec!["db:service_healthy:true", "cache:service_started:false", "debug:service_started:false"];
        check(&guarded("debug:service_started:false"), all);
        assert_eq!(Books::of("db", &description, &[]), Books::default());
        assert_eq!(Books::of("gone", &description, &[]), Books::default());
    }
}
