//! The document that a container is made from.
//!
//! Free is what concerns the inside of the container; what reaches out of it (the host's files, devices, namespaces, kernel,
//! other containers) must be as empty as clients send it unasked.

use serde_json::{Value, json};

use super::{
    manifest::Grant,
    ownership::{Names, Owned},
    resource,
    rules::{self, Refusal, Rule, short},
};

/// Processes that a container may have where it names no number.
const PROCESSES: i64 = 1024;

const DOCUMENT: &[(&str, Rule)] = &[
    ("Hostname", Rule::Free),
    ("Domainname", Rule::Free),
    ("User", Rule::Free),
    ("AttachStdin", Rule::Free),
    ("AttachStdout", Rule::Free),
    ("AttachStderr", Rule::Free),
    ("Tty", Rule::Free),
    ("OpenStdin", Rule::Free),
    ("StdinOnce", Rule::Free),
    ("Env", Rule::Free),
    ("Cmd", Rule::Free),
    ("Entrypoint", Rule::Free),
    ("WorkingDir", Rule::Free),
    ("StopSignal", Rule::Free),
    ("StopTimeout", Rule::Free),
    ("Healthcheck", Rule::Free),
    ("NetworkDisabled", Rule::Free),
    ("MacAddress", Rule::Free),
    ("ExposedPorts", Rule::Map(&[])),
    // Anonymous volumes, which go with the container.
    ("Volumes", Rule::Map(&[])),
    ("ArgsEscaped", Rule::Empty),
    ("OnBuild", Rule::Empty),
    ("Shell", Rule::Free),
    // Looked at below.
    ("Image", Rule::Free),
    ("Labels", Rule::Free),
    ("HostConfig", Rule::Object(HOST)),
    ("NetworkingConfig", Rule::Object(&[("EndpointsConfig", Rule::Map(resource::ENDPOINT))])),
];

const HOST: &[(&str, Rule)] = &[
    // Looked at below.
    ("Binds", Rule::Free),
    ("Mounts", Rule::List(MOUNT)),
    ("NetworkMode", Rule::Free),
    ("PortBindings", Rule::Free),
    ("SecurityOpt", Rule::Free),
    ("Memory", Rule::Free),
    ("MemorySwap", Rule::Free),
    ("PidsLimit", Rule::Free),
    ("OomScoreAdj", Rule::Free),
    // The inside, and less of what there is.
    ("AutoRemove", Rule::Free),
    ("RestartPolicy", Rule::Free),
    ("CapDrop", Rule::Free),
    ("Init", Rule::Free),
    ("ReadonlyRootfs", Rule::Free),
    ("Tmpfs", Rule::Free),
    ("ShmSize", Rule::Free),
    ("ConsoleSize", Rule::Free),
    ("Dns", Rule::Free),
    ("DnsOptions", Rule::Free),
    ("DnsSearch", Rule::Free),
    ("ExtraHosts", Rule::Free),
    ("GroupAdd", Rule::Free),
    ("Annotations", Rule::Empty),
    ("MemoryReservation", Rule::Free),
    ("MemorySwappiness", Rule::Free),
    ("NanoCpus", Rule::Free),
    ("NanoCPUs", Rule::Free),
    ("CpuShares", Rule::Free),
    ("CpuPeriod", Rule::Free),
    ("CpuQuota", Rule::Free),
    ("CpusetCpus", Rule::Free),
    ("CpusetMems", Rule::Free),
    ("BlkioWeight", Rule::Free),
    ("KernelMemory", Rule::Free),
    ("KernelMemoryTCP", Rule::Free),
    // How its output is kept is the engine's own choice: a driver could send it anywhere.
    ("LogConfig", Rule::Object(&[("Type", Rule::OneOf(&["json-file", "local", "none"])), ("Config", Rule::Empty)])),
    ("IpcMode", Rule::OneOf(&["private", "none"])),
    ("CgroupnsMode", Rule::OneOf(&["private"])),
    ("Isolation", Rule::OneOf(&["default"])),
    // What reaches out.
    ("ContainerIDFile", Rule::Empty),
    ("VolumeDriver", Rule::OneOf(&["local"])),
    ("VolumesFrom", Rule::Empty),
    ("CapAdd", Rule::Empty),
    ("Capabilities", Rule::Empty),
    ("Cgroup", Rule::Empty),
    ("CgroupParent", Rule::Empty),
    ("Links", Rule::Empty),
    ("PidMode", Rule::Empty),
    ("UTSMode", Rule::Empty),
    ("UsernsMode", Rule::Empty),
    ("Privileged", Rule::Empty),
    ("PublishAllPorts", Rule::Empty),
    ("StorageOpt", Rule::Empty),
    ("Sysctls", Rule::Empty),
    ("Runtime", Rule::Empty),
    ("Devices", Rule::Empty),
    ("DeviceCgroupRules", Rule::Empty),
    ("DeviceRequests", Rule::Empty),
    ("Ulimits", Rule::Empty),
    ("OomKillDisable", Rule::Empty),
    ("BlkioWeightDevice", Rule::Empty),
    ("BlkioDeviceReadBps", Rule::Empty),
    ("BlkioDeviceWriteBps", Rule::Empty),
    ("BlkioDeviceReadIOps", Rule::Empty),
    ("BlkioDeviceWriteIOps", Rule::Empty),
    ("CpuRealtimePeriod", Rule::Empty),
    ("CpuRealtimeRuntime", Rule::Empty),
    ("CpuCount", Rule::Empty),
    ("CpuPercent", Rule::Empty),
    ("IOMaximumIOps", Rule::Empty),
    ("IOMaximumBandwidth", Rule::Empty),
    // What is masked stays masked: an empty list would unmask all of it.
    ("MaskedPaths", Rule::OneOf(&[])),
    ("ReadonlyPaths", Rule::OneOf(&[])),
];

const MOUNT: &[(&str, Rule)] = &[
    ("Type", Rule::OneOf(&["volume", "tmpfs"])),
    ("Source", Rule::Free),
    ("Target", Rule::Free),
    ("ReadOnly", Rule::Free),
    ("Consistency", Rule::Free),
    ("BindOptions", Rule::Empty),
    ("ImageOptions", Rule::Empty),
    ("ClusterOptions", Rule::Empty),
    ("TmpfsOptions", Rule::Object(&[("SizeBytes", Rule::Free), ("Mode", Rule::Free), ("Options", Rule::Empty)])),
    // A driver's options can make a volume of any directory of the host.
    (
        "VolumeOptions",
        Rule::Object(&[
            ("NoCopy", Rule::Free),
            ("Subpath", Rule::Empty),
            ("Labels", Rule::Empty),
            ("DriverConfig", Rule::Empty),
        ]),
    ),
];

/// Judges a document, puts the plugin's label and limits in, and says which other objects must be the plugin's own.
pub(super) fn judge(grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, DOCUMENT)?;
    let image = document["Image"].as_str().unwrap_or_default();
    if !grant.allows_image(image) {
        return Err(format!("image {image:?} is not among the manifest's Images"));
    }
    let mut names = Names::default();
    if let Some(endpoints) = document.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object) {
        names.networks.extend(endpoints.keys().filter(|name| !is_standard(name)).cloned());
    }
    resource::label(document, grant)?;
    if !document["HostConfig"].is_object() {
        document["HostConfig"] = json!({});
    }
    let host = &mut document["HostConfig"];
    network_mode(host, &mut names)?;
    mounts(host, &mut names)?;
    ports(host, grant)?;
    security(host)?;
    limits(host, grant)?;
    Ok(names)
}

/// Networks that every engine has, and in which nothing is the host's.
fn is_standard(name: &str) -> bool {
    matches!(name, "" | "default" | "bridge" | "none")
}

fn network_mode(host: &Value, names: &mut Names) -> Result<(), Refusal> {
    let mode = match &host["NetworkMode"] {
        Value::Null => "",
        Value::String(mode) => mode,
        other => return Err(format!("HostConfig.NetworkMode may not be {}", short(other))),
    };
    match mode.split_once(':') {
        // The name becomes part of a path of the engine's.
        Some(("container", other)) if resource::is_name(other) => names.containers.push(other.to_owned()),
        Some(_) => return Err(format!("HostConfig.NetworkMode may not be {mode:?}")),
        None if mode == "host" => return Err("HostConfig.NetworkMode may not be \"host\"".to_owned()),
        None if is_standard(mode) => {}
        None => names.networks.push(mode.to_owned()),
    }
    Ok(())
}

fn mounts(host: &Value, names: &mut Names) -> Result<(), Refusal> {
    let binds = match &host["Binds"] {
        Value::Null => &[][..],
        Value::Array(binds) => binds,
        other => return Err(format!("HostConfig.Binds may not be {}", short(other))),
    };
    for bind in binds {
        let text = bind.as_str().unwrap_or_default();
        names.volumes.push(volume_of(text).ok_or_else(|| {
            format!("HostConfig.Binds may only name volumes, as volume:/path or volume:/path:ro, not {}", short(bind))
        })?);
    }
    for mount in host["Mounts"].as_array().into_iter().flatten() {
        let source = mount["Source"].as_str().unwrap_or_default();
        match mount["Type"].as_str().unwrap_or_default() {
            "tmpfs" | "volume" if source.is_empty() => {}
            "volume" if resource::is_name(source) => names.volumes.push(source.to_owned()),
            _ => return Err(format!("HostConfig.Mounts may only hold volumes and tmpfs, not {}", short(mount))),
        }
    }
    Ok(())
}

/// The volume's name in `volume:/path[:options]`, if it is nothing else.
fn volume_of(bind: &str) -> Option<String> {
    let mut parts = bind.split(':');
    let (volume, path, options) = (parts.next()?, parts.next()?, parts.next().unwrap_or("rw"));
    let harmless = |option: &str| matches!(option, "ro" | "rw" | "nocopy");
    let fits = resource::is_name(volume)
        && path.starts_with('/')
        && options.split(',').all(harmless)
        && parts.next().is_none();
    fits.then(|| volume.to_owned())
}

fn ports(host: &Value, grant: &Grant) -> Result<(), Refusal> {
    let bindings = match &host["PortBindings"] {
        Value::Null => return Ok(()),
        Value::Object(bindings) => bindings,
        other => return Err(format!("HostConfig.PortBindings may not be {}", short(other))),
    };
    for binding in bindings.values().flat_map(|list| list.as_array().into_iter().flatten()) {
        let known =
            binding.as_object().is_some_and(|map| map.keys().all(|key| matches!(key.as_str(), "HostIp" | "HostPort")));
        let port = binding["HostPort"].as_str().and_then(|port| port.parse::<u16>().ok());
        if !known || !port.is_some_and(|port| grant.ports.contains(&port)) {
            return Err(format!("port {} is not among the manifest's Ports", short(&binding["HostPort"])));
        }
    }
    let is_list = |list: &Value| list.is_array() || list.is_null();
    if bindings.values().all(is_list) {
        Ok(())
    } else {
        Err("HostConfig.PortBindings is no object of lists".to_owned())
    }
}

/// Of all options only the one that takes something away.
fn security(host: &mut Value) -> Result<(), Refusal> {
    let fits = |option: &Value| {
        matches!(option.as_str(), Some("no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true"))
    };
    match &host["SecurityOpt"] {
        Value::Null => Ok(()),
        Value::Array(options) if options.iter().all(fits) => Ok(()),
        other => Err(format!("HostConfig.SecurityOpt may not be {}", short(other))),
    }
}

fn limits(host: &mut Value, grant: &Grant) -> Result<(), Refusal> {
    let most = i64::try_from(grant.max_memory_bytes).unwrap_or(i64::MAX);
    match bounded(&host["Memory"], "Memory")? {
        0 => host["Memory"] = most.into(),
        memory if memory <= most => {}
        memory => return Err(format!("HostConfig.Memory may be {most} at most, not {memory}")),
    }
    match host["MemorySwap"].as_i64().unwrap_or_default() {
        0 => {}
        // It counts the memory, too; twice that is the engine's own default.
        swap if (0..=most.saturating_mul(2)).contains(&swap) => {}
        swap => return Err(format!("HostConfig.MemorySwap may not be {swap}")),
    }
    match bounded(&host["PidsLimit"], "PidsLimit")? {
        0 => host["PidsLimit"] = PROCESSES.into(),
        processes if processes <= PROCESSES => {}
        processes => return Err(format!("HostConfig.PidsLimit may be {PROCESSES} at most, not {processes}")),
    }
    match host["OomScoreAdj"].as_i64().unwrap_or_default() {
        ..0 => Err("HostConfig.OomScoreAdj may not be negative".to_owned()),
        _ => Ok(()),
    }
}

fn bounded(value: &Value, name: &str) -> Result<i64, Refusal> {
    match value {
        Value::Null => Ok(0),
        value => value
            .as_i64()
            .filter(|number| *number >= 0)
            .ok_or_else(|| format!("HostConfig.{name} may not be {}", short(value))),
    }
}

/// Writes ids in place of names, so that the engine takes the objects that were looked at.
pub(super) fn bind(document: &mut Value, owned: &Owned) {
    if let Some(mode) = document.pointer("/HostConfig/NetworkMode").and_then(Value::as_str).map(str::to_owned) {
        let bound = match mode.split_once(':') {
            Some((_, container)) => owned.containers.get(container).map(|id| format!("container:{id}")),
            None => owned.networks.get(&mode).cloned(),
        };
        if let Some(bound) = bound {
            document["HostConfig"]["NetworkMode"] = bound.into();
        }
    }
    if let Some(endpoints) = document.pointer_mut("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object_mut) {
        for (name, endpoint) in std::mem::take(endpoints) {
            endpoints.insert(owned.networks.get(&name).cloned().unwrap_or(name), endpoint);
        }
    }
}

#[cfg(test)]
mod tests;
