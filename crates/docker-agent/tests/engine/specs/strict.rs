//! In what two inspect documents differ, with as little excused as can be.
//!
//! Written against the documents alone and not against what docker-agent does, so that a mistake there shows here.

use std::collections::BTreeMap;

use serde_json::Value;

/// Leaves that are in one document and not, or otherwise, in the other.
pub(crate) fn differences(old: &Value, old_image: &Value, new: &Value, new_image: &Value) -> Vec<String> {
    let (old, new) = (leaves(old, old_image), leaves(new, new_image));
    let gone = old.iter().filter(|(path, value)| new.get(*path) != Some(value));
    let gone = gone.map(|(path, value)| format!("{path}: {value} became {:?}", new.get(path)));
    let added =
        new.iter().filter(|(path, _)| !old.contains_key(*path)).map(|(path, value)| format!("{path}: {value} came"));
    gone.chain(added).collect()
}

/// Everything in a document that a person may have chosen, by path.
fn leaves(document: &Value, image: &Value) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let id = document["Id"].as_str().unwrap()[..12].to_owned();
    for (key, value) in document["Config"].as_object().unwrap() {
        let default = &image["Config"][key];
        match key.as_str() {
            "Image" => {}
            "Hostname" if value.as_str() == Some(&id) => {}
            // What the image brought is the image's.
            "Env" => set(&mut leaves, "Config.Env", &without(value, default)),
            "Labels" | "ExposedPorts" | "Volumes" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let is_own = default.get(name) != Some(value) && name != "homeport.operation";
                    // Where a volume is mounted is seen among the mounts.
                    if is_own && key != "Volumes" {
                        leaves.insert(format!("Config.{key}.{name}"), value.to_string());
                    }
                }
            }
            _ if value == default => {}
            _ => flatten(&mut leaves, &format!("Config.{key}"), value),
        }
    }
    for (key, value) in document["HostConfig"].as_object().unwrap() {
        match key.as_str() {
            "Binds" | "VolumesFrom" => {}
            "Links" => set(&mut leaves, "HostConfig.Links", &links(value)),
            "Mounts" => options(&mut leaves, value),
            "Dns" | "DnsSearch" => flatten(&mut leaves, &format!("HostConfig.{key}"), value),
            _ if value.is_array() => set(&mut leaves, &format!("HostConfig.{key}"), &texts(value)),
            _ => flatten(&mut leaves, &format!("HostConfig.{key}"), value),
        }
    }
    for mount in document["Mounts"].as_array().unwrap() {
        let path = format!("Mounts[{}]", mount["Destination"].as_str().unwrap());
        for key in ["Type", "Name", "Driver", "RW", "Source", "Propagation"] {
            leaves.insert(format!("{path}.{key}"), mount[key].to_string());
        }
    }
    for (name, endpoint) in document["NetworkSettings"]["Networks"].as_object().unwrap() {
        let path = format!("Networks.{name}");
        leaves.insert(path.clone(), String::new());
        let mut aliases = texts(&endpoint["Aliases"]);
        aliases.retain(|alias| !alias.contains(&id));
        set(&mut leaves, &format!("{path}.Aliases"), &aliases);
        for key in ["IPAMConfig", "Links", "DriverOpts"] {
            flatten(&mut leaves, &format!("{path}.{key}"), &endpoint[key]);
        }
    }
    leaves
}

fn set(leaves: &mut BTreeMap<String, String>, path: &str, texts: &[String]) {
    for text in texts {
        leaves.insert(format!("{path}[{text}]"), String::new());
    }
}

fn flatten(leaves: &mut BTreeMap<String, String>, path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(leaves, &format!("{path}.{key}"), value));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| flatten(leaves, &format!("{path}.{index}"), value));
        }
        // Engines write what was not said in several ways.
        Value::Null => {}
        value => {
            leaves.insert(path.to_owned(), value.to_string());
        }
    }
}

fn without(list: &Value, default: &Value) -> Vec<String> {
    let default = texts(default);
    texts(list).into_iter().filter(|text| !default.contains(text)).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(Value::to_string).collect()
}

/// The container's own name is part of a link as it is shown.
fn links(list: &Value) -> Vec<String> {
    let short = |link: &String| {
        let (other, alias) = link.trim_matches('"').split_once(':').unwrap();
        format!("{other}:{}", alias.rsplit('/').next().unwrap())
    };
    texts(list).iter().map(short).collect()
}

/// What was asked of a mount besides what is seen among the mounts.
fn options(leaves: &mut BTreeMap<String, String>, list: &Value) {
    for mount in list.as_array().into_iter().flatten() {
        let path = format!("Mounts[{}]", mount["Target"].as_str().unwrap());
        for key in ["BindOptions", "TmpfsOptions"] {
            flatten(leaves, &format!("{path}.{key}"), &mount[key]);
        }
        if mount["Type"] == "tmpfs" {
            leaves.insert(format!("{path}.Tmpfs"), mount["ReadOnly"].to_string());
        }
    }
}
