//! What the person who made a container set, without what its image brought along.

use serde_json::{Map, Value, json};

use crate::document::{Document as _, is_empty, short_id};

/// The `Config` of the old container less everything that equals its image's, which must follow the new image.
pub(super) fn of(old: &Value, image: &Value) -> Value {
    let mut config = old.at("Config").as_object().cloned().unwrap_or_default();
    let default = image.at("Config");
    command(&mut config, default);
    for key in ["User", "WorkingDir", "StopSignal", "Shell", "OnBuild", "ArgsEscaped"] {
        if config.get(key).is_some_and(|value| value == default.at(key)) {
            config.remove(key);
        }
    }
    for key in ["Labels", "ExposedPorts", "Volumes", "Healthcheck"] {
        subtract(&mut config, key, default.at(key));
    }
    published(&mut config, old);
    environment(&mut config, default);
    host_name(&mut config, old);
    // Of the first network, and moved there for engines that want it there.
    config.remove("MacAddress");
    Value::Object(config)
}

/// `Cmd` counts as the image's only together with `Entrypoint`: the engine takes an image's command only with its entry
/// point. An entry point that was reset is given to the engine as one empty word.
fn command(config: &mut Map<String, Value>, default: &Value) {
    let same = |key: &str| config.get(key).unwrap_or(&Value::Null) == default.at(key);
    let (entry_point, command) = (same("Entrypoint"), same("Cmd"));
    if entry_point && command {
        config.remove("Cmd");
    }
    if entry_point {
        config.remove("Entrypoint");
    } else if config.get("Entrypoint").is_none_or(is_empty) && !is_empty(default.at("Entrypoint")) {
        config.insert("Entrypoint".to_owned(), json!([""]));
    }
}

/// Takes those entries of an object away that are the same in the image.
fn subtract(config: &mut Map<String, Value>, key: &str, default: &Value) {
    let Some(Value::Object(entries)) = config.get_mut(key) else { return };
    entries.retain(|name, value| default.get(name) != Some(value));
    if entries.is_empty() {
        config.remove(key);
    }
}

/// Engines before 29 publish a port only if it is exposed, which the next image may not do any more.
fn published(config: &mut Map<String, Value>, old: &Value) {
    let is_exposed = |port: &&String| old.at("Config.ExposedPorts").get(port.as_str()).is_some();
    for port in old.fields("HostConfig.PortBindings").map(|(port, _)| port).filter(is_exposed) {
        let exposed = config.entry("ExposedPorts").or_insert_with(|| json!({}));
        if let Some(exposed) = exposed.as_object_mut() {
            exposed.insert(port.clone(), json!({}));
        }
    }
}

fn environment(config: &mut Map<String, Value>, default: &Value) {
    let from_image = default.list("Env");
    if let Some(Value::Array(variables)) = config.get_mut("Env") {
        variables.retain(|variable| !from_image.contains(variable));
    }
}

/// A host name that the engine made of the id, or took from the network's owner, must be made anew.
fn host_name(config: &mut Map<String, Value>, old: &Value) {
    let mode = old.text("HostConfig.NetworkMode");
    let shared = mode.starts_with("container:") || old.text("HostConfig.UTSMode") == "host";
    if shared || config.get("Hostname").and_then(Value::as_str) == Some(short_id(old.text("Id"))) {
        config.remove("Hostname");
    }
    if shared {
        config.remove("Domainname");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Value {
        json!({ "Config": {
            "Env": ["PATH=/bin", "VERSION=1"], "Cmd": ["nginx"], "Entrypoint": ["/entry.sh"], "User": "web",
            "Labels": { "maintainer": "x" }, "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/data": {} },
            "Healthcheck": { "Test": ["CMD", "true"], "Interval": 5 }, "StopSignal": "SIGQUIT",
        }})
    }

    fn check(config: &Value, expected: &Value) {
        let old = json!({ "Id": "0123456789abcdef", "Config": config, "HostConfig": { "NetworkMode": "default" } });
        assert_eq!(&of(&old, &image()), expected);
    }

    #[test]
    fn what_the_image_brought_follows_the_new_image() {
        let mut config = image()["Config"].clone();
        config["Hostname"] = json!("0123456789ab");
        check(&config, &json!({ "Env": [] }));
    }

    #[test]
    fn what_a_person_set_stays() {
        check(
            &json!({
                "Env": ["VERSION=2", "PATH=/bin", "MINE=1"], "Cmd": ["sh"], "Entrypoint": ["/entry.sh"], "User": "1000",
                "Labels": { "maintainer": "x", "mine": "" }, "ExposedPorts": { "80/tcp": {}, "90/tcp": {} },
                "Healthcheck": { "Test": ["CMD", "true"], "Interval": 7 }, "Hostname": "web", "StopSignal": "SIGQUIT",
            }),
            &json!({
                "Env": ["VERSION=2", "MINE=1"], "Cmd": ["sh"], "User": "1000", "Labels": { "mine": "" },
                "ExposedPorts": { "90/tcp": {} }, "Healthcheck": { "Interval": 7 }, "Hostname": "web",
            }),
        );
    }

    #[test]
    fn what_is_published_stays_exposed_and_a_name_on_the_hosts_network_stays() {
        let config = json!({ "ExposedPorts": { "80/tcp": {}, "90/tcp": {} }, "Hostname": "plex", "Domainname": "lan" });
        let host =
            json!({ "NetworkMode": "host", "PortBindings": { "80/tcp": [{ "HostPort": "1" }], "53/udp": null } });
        let old = json!({ "Id": "0123456789abcdef", "Config": config, "HostConfig": host });
        let expected = json!({
            "Entrypoint": [""], "ExposedPorts": { "80/tcp": {}, "90/tcp": {} }, "Hostname": "plex", "Domainname": "lan",
        });
        assert_eq!(of(&old, &image()), expected);
    }

    #[test]
    fn an_entry_point_that_was_taken_away_stays_away() {
        check(&json!({ "Entrypoint": null, "Cmd": ["sh"] }), &json!({ "Entrypoint": [""], "Cmd": ["sh"] }));
        check(
            &json!({ "Entrypoint": ["/mine"], "Cmd": ["nginx"] }),
            &json!({ "Entrypoint": ["/mine"], "Cmd": ["nginx"] }),
        );
    }
}
