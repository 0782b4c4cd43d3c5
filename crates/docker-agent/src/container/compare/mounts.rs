//! Mounts by where they appear, however they were asked for: a volume that the engine named is attached by that name to
//! the next container, which reads differently and is the same.

use serde_json::{Map, Value, json};

use super::{Differences, entry, keys};
use crate::{
    container::Inspected,
    document::{Document as _, is_empty},
};

pub(super) fn compare(before: &Inspected, after: &Inspected, differences: &mut Differences) {
    let (old, new) = (by_destination(&before.container), by_destination(&after.container));
    let new_volumes = after.image.at("Config.Volumes");
    for destination in keys(&old, &new) {
        let (old, new) = (entry(&old, &destination), entry(&new, &destination));
        // A volume that only the new image asks for is the new version's business.
        let asked_for = old.is_null() && new["Type"] == "volume" && new_volumes.get(&destination).is_some();
        let field = format!("Mounts[{destination}]");
        if old.is_null() != new.is_null() && !asked_for {
            differences.check(field, old, new);
        } else if !asked_for {
            differences.check_deeply(&field, old, new);
        }
    }
}

fn by_destination(container: &Value) -> Value {
    let mut mounts = Map::new();
    for mount in container.list("Mounts") {
        let destination = clean(mount.text("Destination"));
        let mut facts = facts(mount);
        facts["Options"] = options(container, &destination);
        mounts.insert(destination, facts);
    }
    Value::Object(mounts)
}

fn facts(mount: &Value) -> Value {
    let kind = mount.text("Type");
    let source = if kind == "volume" { mount.at("Name") } else { mount.at("Source") };
    // Of a volume, it is about how the engine keeps it.
    let propagation = if kind == "bind" { mount.at("Propagation") } else { &Value::Null };
    // Read-only and writable differ in a truth value of which one is "empty".
    let mode = if mount.flag("RW") { "rw" } else { "ro" };
    json!({ "Type": kind, "Source": source, "Mode": mode, "Propagation": propagation, "Driver": mount.at("Driver") })
}

/// What was asked for besides: a part of a volume, size and mode of a tmpfs, relabelling, a recursive bind.
fn options(container: &Value, destination: &str) -> Value {
    let mut options = Map::new();
    for mount in container.list("HostConfig.Mounts").iter().filter(|mount| clean(mount.text("Target")) == destination) {
        for path in [
            "VolumeOptions.Subpath",
            "BindOptions.NonRecursive",
            "BindOptions.ReadOnlyNonRecursive",
            "BindOptions.ReadOnlyForceRecursive",
            "TmpfsOptions",
            "ImageOptions",
            "ClusterOptions",
        ] {
            if !is_empty(mount.at(path)) {
                options.insert(path.to_owned(), mount.at(path).clone());
            }
        }
    }
    for bind in container.texts("HostConfig.Binds") {
        let mut parts = bind.split(':').skip(1);
        let flags = parts.next().filter(|path| clean(path) == destination).and(parts.next());
        if let Some(label) = flags.and_then(|flags| flags.split(',').find(|flag| matches!(*flag, "z" | "Z"))) {
            options.insert("Relabel".to_owned(), json!(label));
        }
    }
    Value::Object(options)
}

fn clean(path: &str) -> String {
    if path == "/" { path.to_owned() } else { path.trim_end_matches('/').to_owned() }
}
