//! A container out of its inspect document and that of its image.

use homeport_proto::docker::v1::{
    Container, ContainerState, HealthCheck, HealthState, Mount, Port, mount::Kind as MountKind,
};
use serde_json::Value;

use super::timestamp;
use crate::{container::Inspected, document::Document as _};

/// How much of a health check's output is shown.
const MAX_HEALTH_OUTPUT_BYTES: usize = 4096;
/// The engine's defaults for a health check, in nanoseconds.
const DEFAULT_INTERVAL: i64 = 30_000_000_000;
const DEFAULT_TIMEOUT: i64 = 30_000_000_000;
const DEFAULT_RETRIES: u32 = 3;

/// The whole container.
pub(in crate::rpc) fn container(inspected: &Inspected) -> Container {
    let Inspected { container, image } = inspected;
    Container {
        id: container.text("Id").to_owned(),
        name: container.text("Name").trim_start_matches('/').to_owned(),
        image: container.text("Config.Image").to_owned(),
        image_id: container.text("Image").to_owned(),
        repo_digests: image.texts("RepoDigests"),
        state: state(container.text("State.Status")).into(),
        health: health(container.text("State.Health.Status")).into(),
        health_output: health_output(container),
        health_check: health_check(container.at("Config.Healthcheck")),
        restart_count: u32::try_from(container.number("RestartCount")).unwrap_or_default(),
        exit_code: i32::try_from(container.number("State.ExitCode")).unwrap_or_default(),
        error: container.text("State.Error").to_owned(),
        created_at: timestamp(container.text("Created")),
        started_at: timestamp(container.text("State.StartedAt")),
        labels: container.labels("Config.Labels"),
        image_labels: image.labels("Config.Labels"),
        mounts: container.list("Mounts").iter().map(mount).collect(),
        ports: ports(container),
        networks: container.fields("NetworkSettings.Networks").map(|(name, _)| name.clone()).collect(),
        network_mode: container.text("HostConfig.NetworkMode").to_owned(),
        pid_mode: container.text("HostConfig.PidMode").to_owned(),
        ipc_mode: container.text("HostConfig.IpcMode").to_owned(),
        links: container.texts("HostConfig.Links").iter().filter_map(|link| linked(link)).collect(),
        restart_policy: Some(container.text("HostConfig.RestartPolicy.Name"))
            .filter(|name| !name.is_empty())
            .unwrap_or("no")
            .to_owned(),
        auto_remove: container.flag("HostConfig.AutoRemove"),
        inspect_json: container.to_string(),
        swarm: None,
        image_os: image.text("Os").to_owned(),
        image_architecture: image.text("Architecture").to_owned(),
        image_variant: image.text("Variant").to_owned(),
        image_never_pulled: is_never_pulled(image),
    }
}

/// Alias and name of a link, which is written `/other:/this/alias`.
fn linked(link: &str) -> Option<(String, String)> {
    let (other, alias) = link.split_once(':')?;
    Some((alias.rsplit('/').next()?.to_owned(), other.trim_start_matches('/').to_owned()))
}

pub(super) fn state(status: &str) -> ContainerState {
    match status {
        "created" => ContainerState::Created,
        "running" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "removing" => ContainerState::Removing,
        "exited" => ContainerState::Exited,
        "dead" => ContainerState::Dead,
        _ => ContainerState::Unspecified,
    }
}

pub(super) fn health(status: &str) -> HealthState {
    match status {
        "starting" => HealthState::Starting,
        "healthy" => HealthState::Healthy,
        "unhealthy" => HealthState::Unhealthy,
        _ => HealthState::Unspecified,
    }
}

fn health_output(container: &Value) -> String {
    let output = container.list("State.Health.Log").last().map(|entry| entry.text("Output")).unwrap_or_default();
    output[..output.floor_char_boundary(MAX_HEALTH_OUTPUT_BYTES)].to_owned()
}

fn health_check(check: &Value) -> Option<HealthCheck> {
    let test = check.texts("Test");
    if test.first().is_none_or(|word| word == "NONE") {
        return None;
    }
    let effective =
        |field: &str, default: i64| duration(Some(check.number(field)).filter(|value| *value > 0).unwrap_or(default));
    Some(HealthCheck {
        interval: effective("Interval", DEFAULT_INTERVAL),
        timeout: effective("Timeout", DEFAULT_TIMEOUT),
        start_period: effective("StartPeriod", 0),
        retries: u32::try_from(check.number("Retries")).ok().filter(|retries| *retries > 0).unwrap_or(DEFAULT_RETRIES),
    })
}

fn duration(nanoseconds: i64) -> Option<prost_types::Duration> {
    let nanos = i32::try_from(nanoseconds % 1_000_000_000).ok()?;
    Some(prost_types::Duration { seconds: nanoseconds / 1_000_000_000, nanos })
}

fn mount(mount: &Value) -> Mount {
    let (kind, source) = match mount.text("Type") {
        "volume" => (MountKind::Volume, "Name"),
        "bind" => (MountKind::Bind, "Source"),
        "tmpfs" => (MountKind::Tmpfs, "Source"),
        _ => (MountKind::Other, "Source"),
    };
    Mount {
        kind: kind.into(),
        source: mount.text(source).to_owned(),
        destination: mount.text("Destination").to_owned(),
        writable: mount.flag("RW"),
    }
}

/// A stopped container has no ports, but was told which to publish.
fn ports(container: &Value) -> Vec<Port> {
    let live = container.at("NetworkSettings.Ports");
    let (exposed, bindings) = if live.as_object().is_some_and(|ports| !ports.is_empty()) {
        (live, live)
    } else {
        (container.at("Config.ExposedPorts"), container.at("HostConfig.PortBindings"))
    };
    let mut names: Vec<&String> =
        [exposed, bindings].iter().filter_map(|ports| ports.as_object()).flat_map(|ports| ports.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().flat_map(|name| port(name, bindings.get(name))).collect()
}

fn port(name: &str, bindings: Option<&Value>) -> Vec<Port> {
    let (number, protocol) = name.split_once('/').unwrap_or((name, "tcp"));
    let Ok(container_port) = number.parse() else { return Vec::new() };
    let one = |host_address: &str, host_port: &str| Port {
        container_port,
        protocol: protocol.to_owned(),
        host_port: host_port.parse().unwrap_or_default(),
        host_address: host_address.to_owned(),
    };
    match bindings.and_then(Value::as_array).filter(|list| !list.is_empty()) {
        Some(list) => list.iter().map(|binding| one(binding.text("HostIp"), binding.text("HostPort"))).collect(),
        None => vec![one("", "")],
    }
}

/// Whether the engine says of an image how it came to be here, and a pull is not among that.
fn is_never_pulled(image: &Value) -> bool {
    let identity = image.at("Identity");
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    identity.is_object() && !is_empty(identity.at("Build")) && is_empty(identity.at("Pull"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn check(document: Value) -> Container {
        container(&Inspected { container: document, image: Arc::default() })
    }

    #[test]
    fn a_running_container_shows_what_it_publishes() {
        let ports = json!({ "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8080" }], "443/tcp": null });
        let shown =
            check(json!({ "Name": "/web", "NetworkSettings": { "Ports": ports }, "State": { "Status": "running" } }));
        let expected = [(443, 0, ""), (80, 8080, "0.0.0.0")];
        let found: Vec<_> =
            shown.ports.iter().map(|p| (p.container_port, p.host_port, p.host_address.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!((shown.name.as_str(), shown.state()), ("web", ContainerState::Running));
    }

    #[test]
    fn a_stopped_container_shows_what_it_would_publish() {
        let bindings = json!({ "80/tcp": [{ "HostIp": "", "HostPort": "8080" }] });
        let shown = check(json!({ "HostConfig": { "PortBindings": bindings }, "NetworkSettings": { "Ports": {} } }));
        assert_eq!(shown.ports[0].host_port, 8080);
        assert_eq!(shown.restart_policy, "no");
    }

    #[test]
    fn a_health_check_has_its_effective_times() {
        let health = json!({ "Test": ["CMD", "true"], "Interval": 1_500_000_000, "Retries": 0 });
        let shown = check(json!({ "Config": { "Healthcheck": health } })).health_check.unwrap();
        assert_eq!(shown.interval, Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }));
        assert_eq!((shown.timeout.unwrap().seconds, shown.retries), (30, 3));
        assert!(check(json!({ "Config": { "Healthcheck": { "Test": ["NONE"] } } })).health_check.is_none());
    }

    #[test]
    fn times_that_never_were_are_absent() {
        let shown =
            check(json!({ "Created": "2026-11-20T19:41:51.5Z", "State": { "StartedAt": "0001-01-01T00:00:00Z" } }));
        assert_eq!(shown.created_at.unwrap().nanos, 500_000_000);
        assert_eq!(shown.started_at, None);
    }
}
