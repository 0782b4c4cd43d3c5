//! A rich container, and one loss after the other: each must be found.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::document::Document as _;

fn image(version: &str) -> Value {
    json!({ "Config": {
        "Env": ["PATH=/bin", format!("VERSION={version}")], "Cmd": ["nginx", version], "Entrypoint": ["/entry.sh"],
        "Labels": { "image.version": version }, "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/anonymous": {} },
        "Healthcheck": { "Test": ["CMD", "check", version], "Interval": 30 }, "StopSignal": "SIGQUIT", "WorkingDir": "/srv",
    }})
}

fn container(id: &str, version: &str) -> Value {
    json!({
        "Id": id.repeat(64), "Created": version, "Name": format!("/web-{version}"), "Image": version, "Path": "/entry.sh",
        "State": { "Running": version == "1" }, "LogPath": id, "GraphDriver": { "Data": { "MergedDir": id } },
        "Config": {
            "Hostname": "web", "Domainname": "example.org", "User": "1000", "Tty": true, "OpenStdin": true, "Image": version,
            "Env": ["MINE=1", "EMPTY=", "PATH=/bin", format!("VERSION={version}")], "Cmd": ["nginx", version],
            "Entrypoint": ["/entry.sh"], "WorkingDir": "/srv", "StopSignal": "SIGTERM", "StopTimeout": 30,
            "Labels": { "mine": "", "other": "x", "image.version": version, "homeport.operation": id },
            "ExposedPorts": { "80/tcp": {}, "9000/udp": {} }, "Volumes": { "/anonymous": {}, "/mine": {} },
            "Healthcheck": { "Test": ["CMD", "check", version], "Interval": 7, "Retries": 4 },
        },
        "HostConfig": host(),
        "Mounts": [
            { "Type": "bind", "Source": "/host", "Destination": "/bind", "RW": false, "Propagation": "rslave" },
            { "Type": "volume", "Name": "named", "Destination": "/named", "RW": true, "Driver": "local" },
            { "Type": "volume", "Name": "aaa", "Destination": "/anonymous", "RW": true, "Driver": "local", "Source": id },
            { "Type": "tmpfs", "Destination": "/scratch", "RW": true },
        ],
        "NetworkSettings": { "Networks": {
            "front": { "IPAMConfig": { "IPv4Address": "10.0.0.9", "IPv6Address": "fd::9" }, "Aliases": ["www", id.repeat(12)],
                       "MacAddress": "aa:bb:cc:00:00:01", "IPAddress": "10.0.0.9", "DriverOpts": { "o": "1" } },
            "back": { "Aliases": ["api"], "IPAddress": "10.1.0.2", "MacAddress": "02:42:0a:01:00:02", "GwPriority": 7 },
        }},
    })
}

fn host() -> Value {
    json!({
        "Binds": ["/host:/bind:ro,Z", "named:/named"], "NetworkMode": "front", "RestartPolicy": { "Name": "always" },
        "Mounts": [{ "Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": { "SizeBytes": 1 } }],
        "Memory": 1, "MemorySwap": 2, "NanoCpus": 3, "CpusetCpus": "0", "PidsLimit": 4, "ShmSize": 5, "OomScoreAdj": 6,
        "Ulimits": [{ "Name": "nofile", "Soft": 1, "Hard": 2 }, { "Name": "nproc", "Soft": 1, "Hard": 2 }],
        "Sysctls": { "net.core.somaxconn": "1", "net.ipv4.ip_forward": "0" }, "CapAdd": ["NET_ADMIN"], "CapDrop": ["MKNOD"],
        "Devices": [{ "PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm" }],
        "DeviceRequests": [{ "Driver": "nvidia", "Count": -1 }], "SecurityOpt": ["no-new-privileges"], "GroupAdd": ["9"],
        "Dns": ["1.1.1.1", "9.9.9.9"], "ExtraHosts": ["a:1.2.3.4"], "Init": true, "Privileged": true, "ReadonlyRootfs": true,
        "LogConfig": { "Type": "local", "Config": { "max-size": "1m" } }, "Tmpfs": { "/tmp": "size=1m", "/run": "" },
        "MemorySwappiness": 0,
        "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "8080" }] }, "IpcMode": "host", "PidMode": "host",
        "UsernsMode": "host", "Runtime": "runc", "CgroupParent": "/x", "BlkioWeight": 10, "Annotations": { "a": "b" },
        "Links": ["/db:/web/database"], "StorageOpt": { "size": "1G" }, "OomKillDisable": true, "ConsoleSize": [1, 2],
    })
}

fn inspected(container: Value, version: &str) -> Inspected {
    Inspected { container, image: Arc::new(image(version)) }
}

fn replacement() -> Value {
    let mut new = container("b", "2");
    // What the engine chooses anew, and what only a running container has.
    new["NetworkSettings"]["Networks"]["back"]["IPAddress"] = json!("");
    new["NetworkSettings"]["Networks"]["back"]["MacAddress"] = json!("");
    new
}

fn found(new: Value) -> Vec<String> {
    let differences = compare(&inspected(container("a", "1"), "1"), &inspected(new, "2"));
    differences.into_iter().map(|difference| difference.field).collect()
}

/// Every place in the document that a person decided: taking any of them away must be found.
const DECIDED: [&str; 71] = [
    "Config.Hostname",
    "Config.Domainname",
    "Config.User",
    "Config.Tty",
    "Config.OpenStdin",
    "Config.Env.0",
    "Config.Env.1",
    "Config.Cmd",
    "Config.Entrypoint",
    "Config.WorkingDir",
    "Config.StopSignal",
    "Config.StopTimeout",
    "Config.Labels.mine",
    "Config.Labels.other",
    "Config.ExposedPorts.9000/udp",
    "Config.Healthcheck.Interval",
    "Config.Healthcheck.Retries",
    "Config.Healthcheck",
    "HostConfig.NetworkMode",
    "HostConfig.RestartPolicy",
    "HostConfig.Memory",
    "HostConfig.MemorySwap",
    "HostConfig.NanoCpus",
    "HostConfig.CpusetCpus",
    "HostConfig.PidsLimit",
    "HostConfig.ShmSize",
    "HostConfig.OomScoreAdj",
    "HostConfig.Ulimits",
    "HostConfig.Ulimits.0",
    "HostConfig.Sysctls",
    "HostConfig.Sysctls.net.core.somaxconn",
    "HostConfig.CapAdd",
    "HostConfig.CapDrop",
    "HostConfig.Devices",
    "HostConfig.DeviceRequests",
    "HostConfig.SecurityOpt",
    "HostConfig.GroupAdd",
    "HostConfig.Dns",
    "HostConfig.Dns.0",
    "HostConfig.ExtraHosts",
    "HostConfig.Init",
    "HostConfig.Privileged",
    "HostConfig.ReadonlyRootfs",
    "HostConfig.LogConfig",
    "HostConfig.LogConfig.Config.max-size",
    "HostConfig.Tmpfs",
    "HostConfig.Tmpfs./run",
    "HostConfig.MemorySwappiness",
    "HostConfig.PortBindings",
    "HostConfig.PortBindings.80/tcp",
    "HostConfig.IpcMode",
    "HostConfig.PidMode",
    "HostConfig.UsernsMode",
    "HostConfig.Runtime",
    "HostConfig.CgroupParent",
    "HostConfig.BlkioWeight",
    "HostConfig.Annotations.a",
    "HostConfig.Links",
    "HostConfig.StorageOpt",
    "HostConfig.OomKillDisable",
    "Mounts.0",
    "Mounts.1",
    "Mounts.2",
    "Mounts.3",
    "NetworkSettings.Networks.front",
    "NetworkSettings.Networks.back",
    "NetworkSettings.Networks.front.IPAMConfig.IPv4Address",
    "NetworkSettings.Networks.front.IPAMConfig.IPv6Address",
    "NetworkSettings.Networks.front.Aliases",
    "NetworkSettings.Networks.front.MacAddress",
    "NetworkSettings.Networks.back.GwPriority",
];

/// Takes a place away; keys with dots in them are tried whole.
fn lose(value: &mut Value, path: &str) {
    if let Value::Object(fields) = value
        && fields.remove(path).is_some()
    {
        return;
    }
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    match value {
        Value::Array(list) if rest.is_empty() => drop(list.remove(key.parse::<usize>().unwrap())),
        Value::Array(list) => lose(&mut list[key.parse::<usize>().unwrap()], rest),
        Value::Object(fields) => lose(fields.get_mut(key).unwrap_or_else(|| panic!("no {path}")), rest),
        _ => panic!("no {path}"),
    }
}

#[test]
fn a_faithful_replacement_differs_in_nothing() {
    assert_eq!(found(replacement()), Vec::<String>::new());
}

#[test]
fn every_loss_is_found() {
    for path in DECIDED {
        let mut new = replacement();
        lose(&mut new, path);
        assert!(!found(new).is_empty(), "the loss of {path} was not found");
    }
}

proptest! {
    #[test]
    fn several_losses_are_found_too(picks in prop::sample::subsequence(DECIDED.to_vec(), 1..6)) {
        let mut new = replacement();
        let mut lost: Vec<&str> = Vec::new();
        // From the back, so that positions in lists stay, and nothing inside of what is gone.
        for path in picks.iter().rev() {
            if !lost.iter().any(|gone| path.starts_with(gone) || gone.starts_with(path)) {
                lose(&mut new, path);
                lost.push(path);
            }
        }
        let fields = found(new);
        prop_assert!(!fields.is_empty(), "{:?} were not found", lost);
    }
}

#[test]
fn changed_values_are_found() {
    let check = |path: &str, value: Value| {
        let mut new = replacement();
        *new.pointer_mut(path).unwrap() = value;
        assert_eq!(found(new).len(), 1, "{path}");
    };
    check("/Config/Env/0", json!("MINE=2"));
    check("/HostConfig/Memory", json!(2));
    check("/HostConfig/Init", json!(null));
    check("/Mounts/2/Name", json!("an empty new one"));
    check("/Mounts/0/RW", json!(true));
    check("/Mounts/0/Source", json!("/elsewhere"));
    check("/NetworkSettings/Networks/front/MacAddress", json!("aa:bb:cc:00:00:02"));
    check("/HostConfig/Binds/0", json!("/host:/bind:ro"));
    check("/HostConfig/Mounts/0/TmpfsOptions/SizeBytes", json!(9));
}

#[test]
fn an_entry_point_without_a_command_must_stay_without_one() {
    let with = |command: Value, version: &str, id: &str| {
        let mut container = container(id, version);
        container["Config"]["Cmd"] = command;
        inspected(container, version)
    };
    let mut new = with(json!(null), "2", "b");
    assert_eq!(compare(&with(json!([]), "1", "a"), &new).len(), 0);
    new.container["Config"]["Cmd"] = json!(["nginx", "2"]);
    assert!(compare(&with(json!([]), "1", "a"), &new).iter().any(|difference| difference.field == "Config.Cmd"));
}

#[test]
fn what_was_added_is_found() {
    let mut new = replacement();
    new["HostConfig"]["CapAdd"] = json!(["NET_ADMIN", "SYS_ADMIN"]);
    new["NetworkSettings"]["Networks"]["third"] = json!({});
    new["Mounts"].as_array_mut().unwrap().push(json!({ "Type": "volume", "Name": "x", "Destination": "/x" }));
    assert_eq!(found(new).len(), 3);
}

#[test]
fn what_the_new_image_asks_for_is_its_own_business() {
    let mut new = inspected(replacement(), "2");
    let mut image = image("2");
    image["Config"]["Volumes"]["/cache"] = json!({});
    image["Config"]["Env"] = json!(["PATH=/sbin", "VERSION=2", "NEW=1"]);
    new.container["Config"]["Env"] = json!(["MINE=1", "EMPTY=", "PATH=/sbin", "VERSION=2", "NEW=1"]);
    new.container["Mounts"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "Type": "volume", "Name": "x", "Destination": "/cache" }));
    new.image = Arc::new(image);
    assert_eq!(compare(&inspected(container("a", "1"), "1"), &new), []);
}

#[test]
fn defaults_that_engines_write_differently_are_the_same() {
    let old = json!({
        "Id": "a".repeat(64), "Config": { "Hostname": "a".repeat(12), "Labels": null },
        "HostConfig": { "NetworkMode": "default", "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 }, "MemorySwappiness": -1,
                        "CapAdd": null, "Dns": [] },
    });
    let new = json!({
        "Id": "b".repeat(64), "Config": { "Hostname": "b".repeat(12), "Labels": {} },
        "HostConfig": { "NetworkMode": "bridge", "RestartPolicy": { "Name": "" }, "MemorySwappiness": null, "CapAdd": [] },
    });
    let side = |container: Value| Inspected { container, image: Arc::default() };
    assert_eq!(compare(&side(old), &side(new)), []);
    assert!(replacement().text("Config.Hostname") == "web");
}
