//! Containers made by `docker run`.

use anyhow::ensure;
use homeport_e2e::{Outcome, free_port, free_subnet};
use serde_json::Value;

use crate::{World, broken::server_header};

pub fn s10_1_nothing_is_lost(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let engine = &world.run.engine;
    let (label, port, name) = (world.run.label(), free_port()?, "hp-full");
    let (front, back) = (free_subnet()?, free_subnet()?);
    for (network, prefix) in [("hp-front", &front), ("hp-back", &back)] {
        engine.docker(&["network", "create", "--label", &label, "--subnet", &format!("{prefix}.0/24"), network])?;
    }
    let (dns, host) = (format!("{front}.1"), format!("db:{back}.9"));
    let (front, back) = (format!("{front}.77"), format!("{back}.77"));
    let publish = format!("127.0.0.1:{port}:80");
    let image = versions.old_image();
    #[rustfmt::skip]
    engine.docker(&[
        "run", "-d", "--name", name, "--label", &label, "--label", "owner=me", "-p", &publish,
        "--network", "hp-front", "--network-alias", "www", "--ip", &front, "--mac-address", "02:42:0a:d5:01:4d",
        "-v", "/data", "--memory", "96m", "--cpus", "0.5", "--pids-limit", "77", "--ulimit", "nofile=2048:4096",
        "--health-cmd", "true", "--health-interval", "2s", "--health-retries", "4", "--init", "--restart", "unless-stopped",
        "--env", "GREETING=hello world", "--hostname", "www-host", "--dns", &dns, "--add-host", &host,
        "--tmpfs", "/scratch:size=1m", "--cap-add", "NET_ADMIN", "--shm-size", "32m", "--stop-timeout", "3",
        "--device", "/dev/null:/dev/house", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0", "--log-opt", "max-size=1m", &image,
    ])?;
    engine.docker(&["network", "connect", "--alias", "store", "--ip", &back, "hp-back", name])?;
    engine.docker(&["exec", name, "sh", "-c", "echo kept > /data/file"])?;
    let before = engine.inspect(name)?;

    world.stack.update(name, Some(&versions.new))?;

    let after = engine.inspect(name)?;
    ensure!(server_header(port)?.contains(&versions.new), "the new version does not answer");
    ensure!(engine.docker(&["exec", name, "cat", "/data/file"])? == "kept", "the anonymous volume was lost");
    let differences = differences("", &comparable(&before), &comparable(&after));
    let address = |inspect: &Value| inspect["NetworkSettings"]["Networks"]["hp-front"]["MacAddress"].clone();
    ensure!(address(&after) == "02:42:0a:d5:01:4d", "the fixed MAC became {}", address(&after));
    ensure!(differences.is_empty(), "inspect differs:\n{}", differences.join("\n"));
    ensure!(engine.containers(&format!("name={name}"))?.len() == 1, "something was left over");
    Ok(())
}

/// An inspect document without what a recreation must change.
fn comparable(inspect: &Value) -> Value {
    let mut document = inspect.clone();
    for field in [
        "Id",
        "Created",
        "State",
        "Image",
        "ResolvConfPath",
        "HostnamePath",
        "HostsPath",
        "LogPath",
        "GraphDriver",
        "Args",
        "Path",
        "ExecIDs",
    ] {
        document[field] = Value::Null;
    }
    document["Config"]["Image"] = Value::Null;
    // To attach an anonymous volume again it has to be named; `Mounts` says the same of both.
    document["HostConfig"]["Mounts"] = Value::Null;
    for mount in document["Mounts"].as_array_mut().into_iter().flatten() {
        mount["Mode"] = Value::Null;
    }
    if let Some(labels) = document["Config"]["Labels"].as_object_mut() {
        labels.retain(|key, _| !key.starts_with("homeport.operation"));
    }
    let settings = &mut document["NetworkSettings"];
    settings["SandboxID"] = Value::Null;
    settings["SandboxKey"] = Value::Null;
    settings["EndpointID"] = Value::Null;
    for network in settings["Networks"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        network["EndpointID"] = Value::Null;
        // The engine adds the container's own short id; names that a person gave must be there again.
        let own = |alias: &Value| alias.as_str().is_some_and(|text| text.len() == 12 && !text.contains('-'));
        for list in ["Aliases", "DNSNames"] {
            if let Some(names) = network[list].as_array_mut() {
                names.retain(|name| !own(name));
                names.sort_by_key(ToString::to_string);
            }
        }
        // Only the address that nobody asked for may move.
        network["MacAddress"] = Value::Null;
    }
    document
}

fn differences(path: &str, before: &Value, after: &Value) -> Vec<String> {
    match (before, after) {
        _ if is_empty(before) && is_empty(after) => Vec::new(),
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            let value = |map: &serde_json::Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
            keys.iter()
                .flat_map(|key| differences(&format!("{path}/{key}"), &value(left, key), &value(right, key)))
                .collect()
        }
        _ if before == after => Vec::new(),
        _ => vec![format!("{path}: {before} became {after}")],
    }
}

/// The engine writes an empty list or map as null at times.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
