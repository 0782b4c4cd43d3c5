//! The container in which a new version is tried: like the old one, but alone, on copies, and of no consequence.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The inspect document to make the container of a rehearsal from: no network, no published port, no label by which
/// compose or a proxy would take it for the real one, copies in the place of the data, and everything else that is mounted
/// for reading only. Sockets are left out, because what is written into one has consequences.
///
/// `copies` are the volumes with the copies, by name of the volume or path of what they are copies of.
pub fn rehearsal_document(inspect_json: &str, copies: &BTreeMap<String, String>) -> Option<String> {
    let mut document: Value = serde_json::from_str(inspect_json).ok().filter(Value::is_object)?;
    let mounts: Vec<Value> =
        document["Mounts"].as_array().into_iter().flatten().filter_map(|mount| tried(mount, copies)).collect();
    document["Mounts"] = json!([]);
    document["NetworkSettings"] = json!({ "Networks": {} });
    document["Config"]["Labels"] = json!({});
    let host = &mut document["HostConfig"];
    host["Binds"] = Value::Null;
    host["Mounts"] = json!(mounts);
    host["VolumesFrom"] = Value::Null;
    host["NetworkMode"] = json!("none");
    host["PortBindings"] = json!({});
    host["PublishAllPorts"] = json!(false);
    host["Links"] = Value::Null;
    host["ExtraHosts"] = Value::Null;
    host["RestartPolicy"] = json!({ "Name": "no" });
    host["AutoRemove"] = json!(false);
    // Of another container, which it must not reach into.
    for field in ["PidMode", "IpcMode"] {
        if host[field].as_str().is_some_and(|mode| mode.starts_with("container:") || mode == "host") {
            host[field] = json!("");
        }
    }
    serde_json::to_string(&document).ok()
}

fn tried(mount: &Value, copies: &BTreeMap<String, String>) -> Option<Value> {
    let text = |field: &str| mount[field].as_str().unwrap_or_default();
    let target = text("Destination");
    let (kind, source) = match text("Type") {
        "volume" => ("volume", text("Name")),
        "bind" => ("bind", text("Source")),
        "tmpfs" => return Some(json!({ "Type": "tmpfs", "Target": target })),
        _ => return None,
    };
    if let Some(copy) = copies.get(source) {
        let options = json!({ "NoCopy": true });
        return Some(json!({ "Type": "volume", "Source": copy, "Target": target, "VolumeOptions": options }));
    }
    let is_socket = kind == "bind" && std::path::Path::new(source).extension().is_some_and(|end| end == "sock");
    (!is_socket).then(|| json!({ "Type": kind, "Source": source, "Target": target, "ReadOnly": true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_alone_on_copies_and_nobody_takes_it_for_the_real_one() {
        let inspect = json!({
            "Id": "0123",
            "Config": { "Image": "app:1", "Labels": { "com.docker.compose.project": "p" }, "Env": ["A=b"] },
            "HostConfig": {
                "Binds": ["data:/data", "/srv/media:/media"], "NetworkMode": "p_default", "Memory": 7, "PidMode": "host",
                "PortBindings": { "80/tcp": [{ "HostPort": "80" }] }, "RestartPolicy": { "Name": "always" },
            },
            "NetworkSettings": { "Networks": { "p_default": {} } },
            "Mounts": [
                { "Type": "volume", "Name": "data", "Destination": "/data", "RW": true },
                { "Type": "bind", "Source": "/srv/media", "Destination": "/media", "RW": true },
                { "Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/var/run/docker.sock", "RW": true },
                { "Type": "bind", "Source": "/stacks/p/config", "Destination": "/config", "RW": true },
                { "Type": "tmpfs", "Destination": "/scratch" },
            ],
        });
        let copies = [("data", "copy-0"), ("/stacks/p/config", "copy-1")];
        let copies = copies.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let document = rehearsal_document(&inspect.to_string(), &copies).unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let expected = json!({
            "Binds": null, "NetworkMode": "none", "Memory": 7, "PidMode": "", "PortBindings": {},
            "RestartPolicy": { "Name": "no" }, "VolumesFrom": null, "PublishAllPorts": false, "Links": null,
            "ExtraHosts": null, "AutoRemove": false, "IpcMode": null,
            "Mounts": [
                { "Type": "volume", "Source": "copy-0", "Target": "/data", "VolumeOptions": { "NoCopy": true } },
                { "Type": "bind", "Source": "/srv/media", "Target": "/media", "ReadOnly": true },
                { "Type": "volume", "Source": "copy-1", "Target": "/config", "VolumeOptions": { "NoCopy": true } },
                { "Type": "tmpfs", "Target": "/scratch" },
            ],
        });
        let mut host = document["HostConfig"].clone();
        host["IpcMode"] = Value::Null;
        assert_eq!(host, expected);
        assert_eq!((&document["Config"]["Labels"], &document["Config"]["Env"][0]), (&json!({}), &json!("A=b")));
        assert_eq!(rehearsal_document("no document", &BTreeMap::new()), None);
    }
}
