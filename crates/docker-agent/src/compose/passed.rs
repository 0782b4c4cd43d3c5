//! Variables that a service is passed from the environment of whoever brings it up: `environment: [TOKEN]`.
//!
//! That environment is gone when the service is recreated; the values are still those of its containers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Description, Guarded};
use crate::document::Document as _;

/// What compose, and what it is made with, read themselves: a container's value would change what they do.
const OF_COMPOSE: [&str; 7] = ["COMPOSE_", "DOCKER_", "BUILDX_", "BUILDKIT_", "LD_", "GO", "SSL_CERT_"];

/// Those of a service that are set nowhere now, with the values that its containers have.
pub(super) fn variables(service: &str, description: &Description, guarded: &[Guarded]) -> BTreeMap<String, String> {
    let Ok(config) = serde_json::from_str::<Value>(&description.config_json) else { return BTreeMap::new() };
    let Some(service) = config.at("services").get(service) else { return BTreeMap::new() };
    let unset = service.fields("environment").filter(|(name, value)| value.is_null() && may_be_passed(name));
    let value_of = |name: &str| {
        let values = guarded.iter().map(|one| one.before.container.environment("Config.Env"));
        values.into_iter().find_map(|values| values.get(name).copied().flatten().map(str::to_owned))
    };
    unset.filter_map(|(name, _)| Some((name.clone(), value_of(name)?))).collect()
}

fn may_be_passed(name: &str) -> bool {
    !matches!(name, "PATH" | "HOME") && !OF_COMPOSE.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use serde_json::json;

    use super::*;
    use crate::container::Inspected;

    #[test]
    fn s10_10_what_the_shell_passed_is_what_the_container_has() {
        let environment =
            json!({ "TOKEN": null, "EMPTY": null, "SET": "new", "GONE": null, "PATH": null, "DOCKER_HOST": null });
        let config = json!({ "services": { "web": { "environment": environment }, "db": {} } });
        let description = Description { config_json: config.to_string(), hashes: HashMap::new() };
        let container = json!({ "Config": {
            "Env": ["TOKEN=a=b", "EMPTY=", "SET=old", "PATH=/bin", "DOCKER_HOST=tcp://x", "OTHER=1"],
        } });
        let guarded = [Guarded {
            before: Inspected { container, image: Arc::default() },
            expected: Vec::new(),
            image: String::new(),
        }];
        let expected = [("TOKEN", "a=b"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables("web", &description, &guarded), expected.into());
        for service in ["db", "gone"] {
            assert!(variables(service, &description, &guarded).is_empty());
        }
        assert!(variables("web", &description, &[]).is_empty());
    }
}
