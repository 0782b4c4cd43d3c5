use serde_json::json;

use super::*;

fn grant() -> Grant {
    Grant {
        plugin: "a".to_owned(),
        images: vec!["alpine:3".parse().unwrap()],
        ports: vec![8081],
        max_containers: 3,
        max_memory_bytes: 64 << 20,
    }
}

/// A document in which one part is another's.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = json!({ "Image": "alpine:3", "HostConfig": {}, "NetworkingConfig": { "EndpointsConfig": {} } });
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

#[test]
fn what_reaches_out_is_refused() {
    let bind = json!([{ "Type": "bind", "Source": "/", "Target": "/host" }]);
    let options =
        json!({ "DriverConfig": { "Name": "local", "Options": { "type": "none", "o": "bind", "device": "/" } } });
    for (pointer, value) in [
        ("/Image", json!("other:1")),
        ("/Image", json!(null)),
        ("/image", json!("alpine:3")),
        ("/Unknown", json!(1)),
        ("/Labels", json!({ "homeport.plugin": "b" })),
        ("/Labels", json!({ "Homeport.Role": "helper" })),
        ("/Labels", json!({ "com.docker.compose.project": "homeport" })),
        ("/Labels", json!({ "docksmith.pre-update-check": "/scripts/x" })),
        ("/Labels", json!(["a"])),
        ("/Labels", json!({ "a": 1 })),
        ("/HostConfig", json!([])),
        ("/HostConfig/Privileged", json!(true)),
        ("/HostConfig/privileged", json!(false)),
        ("/HostConfig/Binds", json!(["/:/host"])),
        ("/HostConfig/Binds", json!(["/var/run/docker.sock:/s"])),
        ("/HostConfig/Binds", json!(["./x:/x"])),
        ("/HostConfig/Binds", json!(["../x:/x"])),
        ("/HostConfig/Binds", json!(["data:/x:rshared"])),
        ("/HostConfig/Binds", json!(["data:/x:ro:rw"])),
        ("/HostConfig/Binds", json!(["data"])),
        ("/HostConfig/Binds", json!([5])),
        ("/HostConfig/Binds", json!("/:/host")),
        ("/HostConfig/Mounts", bind),
        ("/HostConfig/Mounts", json!([{ "Type": "volume", "Source": "/", "Target": "/host" }])),
        ("/HostConfig/Mounts", json!([{ "Source": "/", "Target": "/host" }])),
        ("/HostConfig/Mounts", json!([{ "Type": "npipe", "Source": "x", "Target": "/host" }])),
        ("/HostConfig/Mounts", json!([{ "Type": "volume", "Target": "/x", "VolumeOptions": options }])),
        ("/HostConfig/Mounts", json!([{ "Type": "tmpfs", "Source": "/", "Target": "/x" }])),
        ("/HostConfig/VolumesFrom", json!(["other"])),
        ("/HostConfig/VolumeDriver", json!("nfs")),
        ("/HostConfig/NetworkMode", json!("host")),
        ("/HostConfig/NetworkMode", json!("ns:/proc/1/ns/net")),
        ("/HostConfig/NetworkMode", json!(5)),
        ("/HostConfig/NetworkMode", json!("container:")),
        ("/HostConfig/NetworkMode", json!("container:../networks/x?")),
        ("/HostConfig/NetworkMode", json!("container:a%2f..")),
        ("/HostConfig/PidMode", json!("host")),
        ("/HostConfig/PidMode", json!("container:other")),
        ("/HostConfig/IpcMode", json!("host")),
        ("/HostConfig/IpcMode", json!("container:other")),
        ("/HostConfig/IpcMode", json!("shareable")),
        ("/HostConfig/UTSMode", json!("host")),
        ("/HostConfig/UsernsMode", json!("host")),
        ("/HostConfig/CgroupnsMode", json!("host")),
        ("/HostConfig/CgroupParent", json!("/")),
        ("/HostConfig/CapAdd", json!(["SYS_ADMIN"])),
        ("/HostConfig/SecurityOpt", json!(["apparmor=unconfined"])),
        ("/HostConfig/SecurityOpt", json!(["no-new-privileges:false"])),
        ("/HostConfig/SecurityOpt", json!(["systempaths=unconfined"])),
        ("/HostConfig/MaskedPaths", json!([])),
        ("/HostConfig/ReadonlyPaths", json!([])),
        ("/HostConfig/Devices", json!([{ "PathOnHost": "/dev/sda" }])),
        ("/HostConfig/DeviceRequests", json!([{ "Count": -1 }])),
        ("/HostConfig/DeviceCgroupRules", json!(["a *:* rwm"])),
        ("/HostConfig/Sysctls", json!({ "kernel.shm_rmid_forced": "1" })),
        ("/HostConfig/Runtime", json!("other")),
        ("/HostConfig/StorageOpt", json!({ "size": "1G" })),
        ("/HostConfig/Links", json!(["other:x"])),
        ("/HostConfig/LogConfig", json!({ "Type": "syslog", "Config": { "syslog-address": "tcp://evil" } })),
        ("/HostConfig/PublishAllPorts", json!(true)),
        ("/HostConfig/PortBindings", json!({ "80/tcp": [{ "HostPort": "22" }] })),
        ("/HostConfig/PortBindings", json!({ "80/tcp": [{ "HostPort": "" }] })),
        ("/HostConfig/PortBindings", json!({ "80/tcp": [{ "HostPort": "8081-8090" }] })),
        ("/HostConfig/PortBindings", json!({ "80/tcp": "22" })),
        ("/HostConfig/Memory", json!(1_u64 << 40)),
        ("/HostConfig/Memory", json!(-1)),
        ("/HostConfig/MemorySwap", json!(-1)),
        ("/HostConfig/PidsLimit", json!(-1)),
        ("/HostConfig/OomScoreAdj", json!(-1000)),
        ("/HostConfig/OomKillDisable", json!(true)),
        ("/HostConfig/Ulimits", json!([{ "Name": "core", "Hard": -1 }])),
        ("/HostConfig/ContainerIDFile", json!("/etc/x")),
        ("/NetworkingConfig/EndpointsConfig", json!({ "bridge": { "DriverOpts": { "x": "y" } } })),
        ("/NetworkingConfig/EndpointsConfig", json!({ "bridge": { "Links": ["other"] } })),
    ] {
        let mut document = with(pointer, value.clone());
        let judged = judge(&grant(), &mut document);
        // A place in the host's network is refused by whom the network belongs to.
        assert!(judged.is_err(), "{pointer} = {value} is let through: {judged:?}");
    }
}

/// As `docker run -d --name x -v data:/data -p 8081:80 --network own alpine:3` of version 28 sends it, shortened only by
/// fields of the same kind.
#[test]
fn what_a_client_sends_passes() {
    let document = r#"{
        "Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": false, "Tty": false,
        "ExposedPorts": { "80/tcp": {} }, "Env": null, "Cmd": ["sleep", "60"], "Image": "alpine:3", "Volumes": {},
        "Entrypoint": null, "OnBuild": null, "Labels": { "mine": "1" },
        "HostConfig": {
            "Binds": ["data:/data:ro"], "ContainerIDFile": "", "LogConfig": { "Type": "", "Config": {} },
            "NetworkMode": "own", "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "8081" }] },
            "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 }, "AutoRemove": false, "VolumesFrom": null,
            "ConsoleSize": [40, 120], "CapAdd": null, "Dns": [], "ExtraHosts": null, "IpcMode": "", "Privileged": false,
            "SecurityOpt": ["no-new-privileges"], "Memory": 0, "Devices": [], "MemorySwappiness": -1, "PidsLimit": 0,
            "OomScoreAdj": 0, "Ulimits": [], "MaskedPaths": null, "ReadonlyPaths": null,
            "Mounts": [{ "Type": "volume", "Source": "more", "Target": "/more" }, { "Type": "tmpfs", "Target": "/t" }]
        },
        "NetworkingConfig": { "EndpointsConfig": { "own": { "IPAMConfig": null, "Links": null, "Aliases": ["web"], "IPPrefixLen": 0 } } }
    }"#;
    let mut document: Value = serde_json::from_str(document).unwrap();
    let names = judge(&grant(), &mut document).unwrap();
    assert_eq!(names.volumes, ["data", "more"]);
    assert_eq!(names.networks, ["own", "own"]);
    assert_eq!(document["Labels"], json!({ "mine": "1", "homeport.plugin": "a" }));
    assert_eq!(document["HostConfig"]["Memory"], 64 << 20);
    assert_eq!(document["HostConfig"]["PidsLimit"], PROCESSES);
    let mut owned = Owned::default();
    owned.networks.insert("own".to_owned(), "id1".to_owned());
    bind(&mut document, &owned);
    assert_eq!(document["HostConfig"]["NetworkMode"], "id1");
    assert!(document.pointer("/NetworkingConfig/EndpointsConfig/id1").is_some());
    assert!(document.pointer("/NetworkingConfig/EndpointsConfig/own").is_none());
}

#[test]
fn another_containers_network_is_asked_about() {
    let mut document = with("/HostConfig/NetworkMode", json!("container:other"));
    let names = judge(&grant(), &mut document).unwrap();
    assert_eq!(names.containers, ["other"]);
    let mut document = with("/NetworkingConfig/EndpointsConfig", json!({ "foreign": {} }));
    assert_eq!(judge(&grant(), &mut document).unwrap().networks, ["foreign"]);
    // The host's own network is one that no plugin has.
    let mut document = with("/NetworkingConfig/EndpointsConfig", json!({ "host": {} }));
    assert_eq!(judge(&grant(), &mut document).unwrap().networks, ["host"]);
}
