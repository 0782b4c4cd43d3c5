//! `Config`: what a person set must be the same; what came from the old image may be what comes from the new one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Differences, entry, keys};
use crate::{
    container::{Inspected, replace::OPERATION_LABEL},
    document::{Document as _, is_empty, short_id},
};

/// Compared in a way of their own, or not at all.
const SPECIAL: [&str; 8] =
    ["Image", "Hostname", "Domainname", "Env", "Labels", "ExposedPorts", "Healthcheck", "MacAddress"];
/// In which compose writes down what it made the container from.
const BOOKKEEPING: [&str; 6] = [
    "com.docker.compose.config-hash",
    "com.docker.compose.depends_on",
    "com.docker.compose.image",
    "com.docker.compose.replace",
    "com.docker.compose.version",
    OPERATION_LABEL,
];

pub(super) fn compare(before: &Inspected, after: &Inspected, differences: &mut Differences) {
    let (old, new) = (before.container.at("Config"), after.container.at("Config"));
    let (old_default, new_default) = (before.image.at("Config"), after.image.at("Config"));
    let fields = keys(old, new).into_iter().filter(|key| !SPECIAL.contains(&key.as_str()));
    for key in fields {
        // The volumes that an image asks for are compared where they are mounted.
        if key == "Volumes" {
            continue;
        }
        let sides = [old, new, old_default, new_default].map(|side| entry(side, &key));
        check(differences, format!("Config.{key}"), sides);
    }
    each(differences, "Config.Healthcheck", [old, new, old_default, new_default].map(|side| side.at("Healthcheck")));
    each(
        differences,
        "Config.ExposedPorts",
        [old, new, old_default, new_default].map(|side| marked(side.at("ExposedPorts"))).each_ref(),
    );
    // Whatever the images say: engines before 29 do not publish what is not exposed.
    for (port, _) in before.container.fields("HostConfig.PortBindings") {
        let [was, is] = [old, new].map(|config| marked(config.at("ExposedPorts")));
        if entry(new_default, "ExposedPorts").get(port).is_none() {
            differences.check(format!("Config.ExposedPorts.{port}"), entry(&was, port), entry(&is, port));
        }
    }
    each(differences, "Config.Labels", [old, new, old_default, new_default].map(labels).each_ref());
    each(differences, "Config.Env", [old, new, old_default, new_default].map(variables).each_ref());
    host_name(&before.container, &after.container, differences);
}

/// The sides are: old, new, the old image's, the new image's.
fn check(differences: &mut Differences, field: String, [old, new, old_default, new_default]: [&Value; 4]) {
    let equal = |a: &Value, b: &Value| a == b || (is_empty(a) && is_empty(b));
    if !(equal(old, old_default) && equal(new, new_default)) {
        differences.check(field, old, new);
    }
}

/// Compares entry by entry, so that one may be a person's and its neighbour the image's.
fn each(differences: &mut Differences, field: &str, sides: [&Value; 4]) {
    let names: BTreeSet<String> = keys(sides[0], sides[1]);
    for name in names {
        check(differences, format!("{field}.{name}"), sides.map(|side| entry(side, &name)));
    }
}

/// `NAME=value` as an object; a variable that is set to nothing differs from one that is not set.
fn variables(config: &Value) -> Value {
    let variables = config.environment("Env").into_iter();
    Value::Object(variables.map(|(name, value)| (name.to_owned(), json!(["=", value]))).collect())
}

/// Present entries have no content; a mark makes them differ from absent ones.
fn marked(ports: &Value) -> Value {
    Value::Object(keys(ports, &Value::Null).into_iter().map(|port| (port, json!(true))).collect())
}

/// A label without value differs from one that is missing.
fn labels(config: &Value) -> Value {
    let labels = config.labels("Labels").into_iter().filter(|(name, _)| !BOOKKEEPING.contains(&name.as_str()));
    Value::Object(labels.map(|(name, value)| (name, json!(["=", value]))).collect())
}

/// A host name that the engine made of the id changes with it; one that belongs to another network's owner is not ours.
fn host_name(old: &Value, new: &Value, differences: &mut Differences) {
    let mode = old.text("HostConfig.NetworkMode");
    if mode.starts_with("container:") || old.text("HostConfig.UTSMode") == "host" {
        return;
    }
    let made = |container: &Value| container.text("Config.Hostname") == short_id(container.text("Id"));
    if !(made(old) && made(new)) {
        differences.check("Config.Hostname", old.at("Config.Hostname"), new.at("Config.Hostname"));
    }
    differences.check("Config.Domainname", old.at("Config.Domainname"), new.at("Config.Domainname"));
}
