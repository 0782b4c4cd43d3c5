//! The old container's `HostConfig`, whole, with its anonymous volumes named.

use serde_json::{Value, json};

use crate::document::Document as _;

/// The `HostConfig` to create the new container with.
pub(super) fn of(old: &Value) -> Value {
    let mut host = old.at("HostConfig").clone();
    if !host.is_object() {
        host = json!({});
    }
    links(&mut host);
    name_volumes(&mut host, old);
    host
}

/// Links are shown as `/other:/this/alias` and taken as `other:alias`.
fn links(host: &mut Value) {
    let links: Vec<String> = host.texts("Links").iter().map(|link| taken(link)).collect();
    if !links.is_empty() {
        host["Links"] = json!(links);
    }
}

fn taken(link: &str) -> String {
    match link.split_once(':') {
        Some((other, alias)) => {
            format!("{}:{}", other.trim_start_matches('/'), alias.rsplit('/').next().unwrap_or(alias))
        }
        None => link.to_owned(),
    }
}

/// A volume that the engine named is attached by that name; otherwise the new container would get an empty one.
fn name_volumes(host: &mut Value, old: &Value) {
    for mount in old.list("Mounts").iter().filter(|mount| mount.text("Type") == "volume") {
        let destination = mount.text("Destination");
        if bound(host, destination) {
            continue;
        }
        let entry = host
            .get_mut("Mounts")
            .and_then(Value::as_array_mut)
            .and_then(|mounts| mounts.iter_mut().find(|entry| same_path(entry.text("Target"), destination)));
        match entry {
            Some(entry) => entry["Source"] = mount["Name"].clone(),
            None => add(host, mount),
        }
    }
}

fn add(host: &mut Value, mount: &Value) {
    let entry = json!({
        "Type": "volume",
        "Source": mount.text("Name"),
        "Target": mount.text("Destination"),
        "ReadOnly": !mount.flag("RW"),
        // An engine fills an empty volume with what the image has there, and the old container still uses this one.
        "VolumeOptions": { "NoCopy": true },
    });
    match host.get_mut("Mounts") {
        Some(Value::Array(mounts)) => mounts.push(entry),
        _ => host["Mounts"] = json!([entry]),
    }
}

fn bound(host: &Value, destination: &str) -> bool {
    host.texts("Binds").iter().any(|bind| bind.split(':').nth(1).is_some_and(|path| same_path(path, destination)))
}

fn same_path(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_volumes_keep_their_data() {
        let old = json!({
            "HostConfig": {
                "Binds": ["named:/named", "/host:/bind:ro"],
                "Mounts": [{ "Type": "volume", "Target": "/api/" }],
                "Links": ["/db:/web/database"],
                "Memory": 1,
            },
            "Mounts": [
                { "Type": "volume", "Name": "named", "Destination": "/named", "RW": true },
                { "Type": "bind", "Source": "/host", "Destination": "/bind" },
                { "Type": "volume", "Name": "aaa", "Destination": "/api", "RW": true },
                { "Type": "volume", "Name": "bbb", "Destination": "/data", "RW": false },
            ],
        });
        let expected = json!({
            "Binds": ["named:/named", "/host:/bind:ro"],
            "Mounts": [
                { "Type": "volume", "Target": "/api/", "Source": "aaa" },
                { "Type": "volume", "Target": "/data", "Source": "bbb", "ReadOnly": true, "VolumeOptions": { "NoCopy": true } },
            ],
            "Links": ["db:database"],
            "Memory": 1,
        });
        assert_eq!(of(&old), expected);
    }
}
