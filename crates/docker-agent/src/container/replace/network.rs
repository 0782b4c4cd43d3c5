//! The networks of the old container, and in which request the engine takes each.

use serde_json::{Map, Value, json};

use super::Creation;
use crate::{
    container::endpoint::{aliases, fixed_mac, is_attachable, primary},
    document::{Document as _, is_empty},
    engine::ApiVersion,
};

/// Completes the creation with the networks. Engines before API 1.44 take one network at creation and its MAC address in
/// `Config`; the others are connected before the container is started.
pub(super) fn of(old: &Value, api: ApiVersion, mut body: Value) -> Creation {
    let mode = old.text("HostConfig.NetworkMode");
    let first = primary(old);
    let mut with_creation = Map::new();
    let mut connect = Vec::new();
    for (name, endpoint) in old.fields("NetworkSettings.Networks").filter(|(name, _)| is_attachable(name)) {
        let is_first = first == Some(name.as_str());
        // The container may have been created with an id where the list shows the name.
        let key = if is_first && !matches!(mode, "" | "default") { mode } else { name.as_str() };
        let settings = settings(old, name, endpoint, api);
        if is_first || api >= ApiVersion::SEVERAL_NETWORKS {
            with_creation.insert(key.to_owned(), settings);
        } else {
            connect.push((name.clone(), settings));
        }
    }
    if api < ApiVersion::SEVERAL_NETWORKS
        && let Some(mac) = first.and_then(|network| fixed_mac(old, network))
    {
        body["MacAddress"] = json!(mac);
    }
    body["NetworkingConfig"] = json!({ "EndpointsConfig": with_creation });
    Creation { body, connect, disconnect: unwanted(mode, first) }
}

/// It was disconnected from the network that it had been created with.
fn unwanted(mode: &str, first: Option<&str>) -> Vec<String> {
    let needs_none = mode == "host" || mode == "none" || mode.starts_with("container:");
    match (first, mode) {
        (None, "" | "default") => vec!["bridge".to_owned()],
        (None, mode) if !needs_none => vec![mode.to_owned()],
        _ => Vec::new(),
    }
}

fn settings(old: &Value, name: &str, endpoint: &Value, api: ApiVersion) -> Value {
    let mut settings = Map::new();
    for key in ["IPAMConfig", "Links", "DriverOpts", "GwPriority"] {
        let value = endpoint.at(key);
        if !is_empty(value) {
            settings.insert(key.to_owned(), value.clone());
        }
    }
    let aliases = aliases(old, endpoint);
    // The default bridge has no names, and refuses even those that it showed by itself.
    if name != "bridge" && !aliases.is_empty() {
        settings.insert("Aliases".to_owned(), json!(aliases));
    }
    if api >= ApiVersion::SEVERAL_NETWORKS
        && let Some(mac) = fixed_mac(old, name)
    {
        settings.insert("MacAddress".to_owned(), json!(mac));
    }
    Value::Object(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old() -> Value {
        json!({
            "Id": "0123456789abcdef",
            "Config": { "MacAddress": "02:42:00:00:00:99" },
            "HostConfig": { "NetworkMode": "front" },
            "NetworkSettings": { "Networks": {
                "front": { "IPAMConfig": { "IPv4Address": "10.0.0.9" }, "Aliases": ["web", "0123456789ab"], "IPAddress": "10.0.0.9",
                           "MacAddress": "02:42:00:00:00:99" },
                "back": { "IPAMConfig": null, "Aliases": ["0123456789ab"], "IPAddress": "10.1.0.2", "MacAddress": "02:42:0a:01:00:02" },
            }},
        })
    }

    #[test]
    fn an_old_engine_takes_one_network_at_creation() {
        let creation = of(&old(), ApiVersion(1, 41), json!({}));
        assert_eq!(
            creation.body,
            json!({
                "MacAddress": "02:42:00:00:00:99",
                "NetworkingConfig": { "EndpointsConfig": {
                    "front": { "IPAMConfig": { "IPv4Address": "10.0.0.9" }, "Aliases": ["web"] },
                }},
            })
        );
        assert_eq!(creation.connect, [("back".to_owned(), json!({}))]);
        assert!(creation.disconnect.is_empty());
    }

    #[test]
    fn a_new_engine_takes_all_networks_at_creation() {
        let creation = of(&old(), ApiVersion(1, 44), json!({}));
        assert_eq!(
            creation.body["NetworkingConfig"]["EndpointsConfig"],
            json!({
                "front": { "IPAMConfig": { "IPv4Address": "10.0.0.9" }, "Aliases": ["web"], "MacAddress": "02:42:00:00:00:99" },
                "back": {},
            })
        );
        assert!(creation.connect.is_empty());
    }

    #[test]
    fn a_network_that_was_left_is_left_again() {
        let mut left = old();
        left["HostConfig"]["NetworkMode"] = json!("gone");
        assert_eq!(of(&left, ApiVersion(1, 41), json!({})).disconnect, ["gone"]);
        left["HostConfig"]["NetworkMode"] = json!("host");
        assert!(of(&left, ApiVersion(1, 41), json!({})).disconnect.is_empty());
    }
}
