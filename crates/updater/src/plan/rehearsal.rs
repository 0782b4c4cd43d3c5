//! The container in which a new version is tried: like the old one, but alone, on copies, and of no consequence.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The inspect document to make the container of a rehearsal from: no network, no published port, no label by which
/// compose or a proxy would take it for the real one, copies in the place of the data, and everything else that is mounted
/// for reading only. Sockets are left out, because what is written into one has consequences.
///
/// `copies` are the volumes with the copies, by name of the volume or path of what they are copies of; for a file the path
/// of its copy.
pub fn rehearsal_document(inspect_json: &str, copies: &BTreeMap<String, String>) -> Option<String> {
    let mut document: Value = serde_json::from_str(inspect_json).ok().filter(Value::is_object)?;
    let list = |mounts: &Value| mounts.as_array().cloned().unwrap_or_default();
    let asked = list(&document["HostConfig"]["Mounts"]);
    let mounts: Vec<Value> =
        list(&document["Mounts"]).iter().filter_map(|mount| tried(mount, &asked, copies)).collect();
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

/// What is mounted in the place of a mount. `asked` is what the container was made with: what is mounted does not say how
/// large a tmpfs is, nor which part of a volume was wanted.
fn tried(mount: &Value, asked: &[Value], copies: &BTreeMap<String, String>) -> Option<Value> {
    let text = |field: &str| mount[field].as_str().unwrap_or_default();
    let target = text("Destination");
    let asked = asked.iter().find(|entry| entry["Target"].as_str().is_some_and(|path| same_path(path, target)));
    let asked = asked.unwrap_or(&Value::Null);
    let (kind, source) = match text("Type") {
        "volume" => ("volume", text("Name")),
        "bind" => ("bind", text("Source")),
        "tmpfs" => return Some(tmpfs(target, asked)),
        _ => return None,
    };
    let part = asked["VolumeOptions"]["Subpath"].as_str().unwrap_or_default();
    if let Some(copy) = copies.get(source) {
        if copy.starts_with('/') {
            return Some(json!({ "Type": "bind", "Source": copy, "Target": target }));
        }
        // The copy of a volume is one of all of it.
        return Some(volume(copy, target, part));
    }
    let mut tried = match kind {
        "bind" if std::path::Path::new(source).extension().is_some_and(|end| end == "sock") => return None,
        "bind" => json!({ "Type": kind, "Source": source, "Target": target }),
        _ => volume(source, target, part),
    };
    tried["ReadOnly"] = json!(true);
    Some(tried)
}

fn tmpfs(target: &str, asked: &Value) -> Value {
    let mut tried = json!({ "Type": "tmpfs", "Target": target });
    for field in ["ReadOnly", "TmpfsOptions"] {
        if !asked[field].is_null() {
            tried[field] = asked[field].clone();
        }
    }
    tried
}

/// A volume, or a part of one. What is empty in it stays so: an engine would fill it from the image.
fn volume(name: &str, target: &str, part: &str) -> Value {
    let mut options = json!({ "NoCopy": true });
    if !part.is_empty() {
        options["Subpath"] = json!(part);
    }
    json!({ "Type": "volume", "Source": name, "Target": target, "VolumeOptions": options })
}

fn same_path(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
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

    fn mounts(asked: &Value, mounted: &Value, copies: &[(&str, &str)]) -> Value {
        let inspect = json!({ "Config": {}, "HostConfig": { "Mounts": asked }, "Mounts": mounted });
        let copies = copies.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let document: Value =
            serde_json::from_str(&rehearsal_document(&inspect.to_string(), &copies).unwrap()).unwrap();
        document["HostConfig"]["Mounts"].clone()
    }

    #[test]
    fn parts_of_volumes_and_sizes_in_memory_are_as_they_were() {
        let asked = json!([
            { "Type": "volume", "Source": "data", "Target": "/data/", "VolumeOptions": { "Subpath": "app/a" } },
            { "Type": "volume", "Source": "media", "Target": "/media", "VolumeOptions": { "Subpath": "films" } },
            { "Type": "tmpfs", "Target": "/scratch", "ReadOnly": true, "TmpfsOptions": { "SizeBytes": 1, "Mode": 448 } },
            { "Type": "tmpfs", "Target": "/plain" },
        ]);
        let mounted = json!([
            { "Type": "volume", "Name": "data", "Destination": "/data", "RW": true },
            { "Type": "volume", "Name": "media", "Destination": "/media", "RW": false },
            { "Type": "tmpfs", "Destination": "/scratch" },
            { "Type": "tmpfs", "Destination": "/plain" },
        ]);
        let expected = json!([
            { "Type": "volume", "Source": "copy-0", "Target": "/data", "VolumeOptions": { "NoCopy": true, "Subpath": "app/a" } },
            { "Type": "volume", "Source": "media", "Target": "/media", "ReadOnly": true,
              "VolumeOptions": { "NoCopy": true, "Subpath": "films" } },
            { "Type": "tmpfs", "Target": "/scratch", "ReadOnly": true, "TmpfsOptions": { "SizeBytes": 1, "Mode": 448 } },
            { "Type": "tmpfs", "Target": "/plain" },
        ]);
        assert_eq!(mounts(&asked, &mounted, &[("data", "copy-0")]), expected);
    }

    #[test]
    fn the_copy_of_a_file_is_mounted_as_a_file() {
        let mounted =
            json!([{ "Type": "bind", "Source": "/srv/app/config.json", "Destination": "/etc/app.json", "RW": true }]);
        let copy = "/var/lib/docker/volumes/copy-0/_data/content";
        let expected = json!([{ "Type": "bind", "Source": copy, "Target": "/etc/app.json" }]);
        let copies = [("/srv/app/config.json", copy)];
        assert_eq!(mounts(&Value::Null, &mounted, &copies), expected);
    }
}
