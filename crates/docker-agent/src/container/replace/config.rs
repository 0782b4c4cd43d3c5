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

/// The engine takes an image's entry point where a request gives none, and its command only where the request gives neither.
/// So what equals the image's may be left out as long as that makes the engine add nothing that this container lacks:
///
/// | entry point | command | what is asked for |
/// | --- | --- | --- |
/// | the image's | the image's | neither, so both follow the new image |
/// | the image's | its own | the command |
/// | the image's | none, and the image has one | the entry point: without it the engine would add the image's command |
/// | its own | any | both as they are: with an entry point the engine adds no command |
/// | none, and the image has one | any | the entry point as one empty word, which is how a request takes it away |
fn command(config: &mut Map<String, Value>, default: &Value) {
    let own = |key: &str| config.get(key).unwrap_or(&Value::Null);
    // Absent, null and empty are one to the engine.
    let same = |key: &str| own(key) == default.at(key) || (is_empty(own(key)) && is_empty(default.at(key)));
    let (entry_point, command, commanded) = (same("Entrypoint"), same("Cmd"), !is_empty(own("Cmd")));
    if entry_point && (command || commanded) {
        config.remove("Entrypoint");
        if command {
            config.remove("Cmd");
        }
    } else if is_empty(own("Entrypoint")) && !is_empty(default.at("Entrypoint")) {
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
        check(&json!({ "Entrypoint": null, "Cmd": ["nginx"] }), &json!({ "Entrypoint": [""], "Cmd": ["nginx"] }));
    }

    /// What an engine runs of a request and an image, as `mergeAndVerifyConfig` of its source has it.
    fn merged(request: &Value, image: &Value) -> [Value; 2] {
        let given = |key: &str| request.get(key).filter(|value| !is_empty(value)).cloned();
        let [entry_point, command] = ["Entrypoint", "Cmd"].map(given);
        let ours = |key: &str| if is_empty(&image[key]) { Value::Null } else { image[key].clone() };
        match (entry_point, command) {
            (Some(entry_point), command) if entry_point == json!([""]) => [Value::Null, command.unwrap_or_default()],
            (Some(entry_point), command) => [entry_point, command.unwrap_or_default()],
            (None, Some(command)) => [ours("Entrypoint"), command],
            (None, None) => [ours("Entrypoint"), ours("Cmd")],
        }
    }

    /// Every entry point with every command, for images that have both, one of the two, or none: what is the container's own
    /// stays, and what the image brought follows the new one.
    #[test]
    fn entry_point_and_command_are_what_they_were_or_the_new_images() {
        let none = || [Value::Null, json!([])];
        let mut tried = 0;
        for (entry, cmd) in [(true, true), (true, false), (false, true), (false, false)] {
            let image = |version: &str| {
                let word = |is_there: bool, word: &str| {
                    if is_there { json!([format!("{word}{version}")]) } else { json!(null) }
                };
                json!({ "Entrypoint": word(entry, "/entry"), "Cmd": word(cmd, "command") })
            };
            let (old, new) = (image("1"), image("2"));
            let entry_points = none().into_iter().chain([json!(["/own"]), old["Entrypoint"].clone()]);
            for entry_point in entry_points {
                for command in none().into_iter().chain([json!(["own"]), old["Cmd"].clone()]) {
                    if is_empty(&entry_point) && is_empty(&command) {
                        // No engine makes a container that has nothing to run.
                        continue;
                    }
                    let mut request =
                        json!({ "Entrypoint": entry_point, "Cmd": command }).as_object().cloned().unwrap();
                    self::command(&mut request, &old);
                    let request = Value::Object(request);
                    let was =
                        [&entry_point, &command].map(|value| if is_empty(value) { Value::Null } else { value.clone() });
                    assert_eq!(merged(&request, &old), was, "with the old image: {request}");
                    let images = |index: usize, key: &str| was[index] == old[key];
                    let expected = match (images(0, "Entrypoint"), images(1, "Cmd")) {
                        (true, true) => [new["Entrypoint"].clone(), new["Cmd"].clone()],
                        (true, false) if !was[1].is_null() => [new["Entrypoint"].clone(), was[1].clone()],
                        _ => was.clone(),
                    };
                    assert_eq!(merged(&request, &new), expected, "with the new image: {request}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 30, "{tried}");
    }

    #[test]
    fn an_entry_point_that_was_given_without_a_command_gets_none() {
        for none in [json!(null), json!([])] {
            let config = json!({ "Entrypoint": ["/entry.sh"], "Cmd": none });
            check(&config, &config);
        }
        let own = json!({ "Entrypoint": ["/mine"], "Cmd": null });
        check(&own, &own);
        let own = json!({ "Entrypoint": ["/mine"], "Cmd": ["nginx"] });
        check(&own, &own);
        check(&json!({ "Entrypoint": ["/entry.sh"], "Cmd": ["nginx"] }), &json!({}));
        check(&json!({ "Entrypoint": ["/entry.sh"], "Cmd": ["sh"] }), &json!({ "Cmd": ["sh"] }));
    }
}
