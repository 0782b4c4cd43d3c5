//! docker-agent's messages ↔ what an update works with.

use std::{collections::BTreeMap, time::Duration};

use homeport_proto::docker::v1 as wire;
use jiff::Timestamp;
use serde::Deserialize;
use tonic::{Code, Status};

use super::{
    Container, Difference, EngineError, EngineErrorKind, Guard, Health, HealthCheck, Image, Measure, Mount, MountKind,
    Namespace, Port, PortAnswer, Project, Resolved, SelfUpdateState, Source, State, Swarm, TakenLocks, Task,
    UpdateLock,
};

/// An answer of docker-agent that makes no sense.
pub(super) fn malformed(action: &str, what: &str) -> EngineError {
    EngineError {
        action: action.to_owned(),
        kind: EngineErrorKind::Other,
        message: format!("docker-agent answered without {what}; is it of another version?"),
    }
}

/// The beginning of an id, as people use it; a name stays.
pub(super) fn short(container: &str) -> &str {
    let is_id = container.len() == 64 && container.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &container[..12] } else { container }
}

pub(super) fn error(action: String, status: &Status) -> EngineError {
    let kind = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => EngineErrorKind::Away,
        Code::NotFound => EngineErrorKind::NotFound,
        Code::FailedPrecondition | Code::PermissionDenied | Code::InvalidArgument | Code::Unauthenticated => {
            EngineErrorKind::Refused
        }
        Code::Aborted => EngineErrorKind::Changed,
        Code::ResourceExhausted => EngineErrorKind::Full,
        Code::DataLoss => EngineErrorKind::Lost,
        _ => EngineErrorKind::Other,
    };
    // A status with a source was made on this side: nobody answered, or not to the end.
    let message = match std::error::Error::source(status) {
        Some(_) => format!("docker-agent does not answer ({})", status.message()),
        None => status.message().to_owned(),
    };
    EngineError { action, kind, message }
}

pub(super) fn container(wire: wire::Container) -> Container {
    let state = match wire.state() {
        wire::ContainerState::Running | wire::ContainerState::Paused => State::Running,
        wire::ContainerState::Restarting => State::Restarting,
        wire::ContainerState::Created => State::Created,
        wire::ContainerState::Unspecified
        | wire::ContainerState::Removing
        | wire::ContainerState::Exited
        | wire::ContainerState::Dead => State::Exited,
    };
    let health = match wire.health() {
        wire::HealthState::Unspecified => Health::None,
        wire::HealthState::Starting => Health::Starting,
        wire::HealthState::Healthy => Health::Healthy,
        wire::HealthState::Unhealthy => Health::Unhealthy,
    };
    let modes =
        [(Namespace::Network, wire.network_mode), (Namespace::Pid, wire.pid_mode), (Namespace::Ipc, wire.ipc_mode)];
    let shared = |(kind, mode): (Namespace, String)| Some((kind, mode.strip_prefix("container:")?.to_owned()));
    Container {
        state,
        health,
        shares: modes.into_iter().filter_map(shared).collect(),
        links: wire.links.into_iter().collect(),
        id: wire.id,
        name: wire.name,
        image: wire.image,
        image_id: wire.image_id,
        repo_digests: wire.repo_digests,
        health_output: wire.health_output,
        health_check: wire.health_check.as_ref().map(health_check),
        restart_count: wire.restart_count,
        exit_code: wire.exit_code,
        error: wire.error,
        started_at: wire
            .started_at
            .and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
            .filter(|time| time.as_second() > 0),
        labels: wire.labels.into_iter().collect(),
        mounts: wire.mounts.into_iter().map(mount).collect(),
        published_ports: published_ports(&wire.ports),
        auto_remove: wire.auto_remove,
        inspect_json: wire.inspect_json,
        swarm: wire.swarm.map(swarm),
    }
}

fn swarm(wire: wire::SwarmService) -> Swarm {
    let task = |wire: wire::SwarmTask| Task {
        id: wire.id,
        image: wire.image,
        state: wire.state,
        desired_state: wire.desired_state,
        error: wire.error,
    };
    Swarm {
        desired: wire.desired_tasks,
        running: wire.running_tasks,
        specified: wire.specified_image,
        update_state: wire.update_state,
        update_message: wire.update_message,
        is_job: wire.is_job,
        has_mounts: wire.has_mounts,
        tasks: wire.tasks.into_iter().map(task).collect(),
    }
}

fn health_check(wire: &wire::HealthCheck) -> HealthCheck {
    HealthCheck {
        interval: duration(wire.interval.as_ref()),
        timeout: duration(wire.timeout.as_ref()),
        start_period: duration(wire.start_period.as_ref()),
        retries: wire.retries,
    }
}

fn duration(wire: Option<&prost_types::Duration>) -> Duration {
    wire.and_then(|wire| Duration::try_from(*wire).ok()).unwrap_or_default()
}

fn mount(wire: wire::Mount) -> Mount {
    let kind = match wire.kind() {
        wire::mount::Kind::Volume => MountKind::Volume,
        wire::mount::Kind::Bind => MountKind::Bind,
        wire::mount::Kind::Unspecified | wire::mount::Kind::Tmpfs | wire::mount::Kind::Other => MountKind::Other,
    };
    Mount { kind, source: wire.source, destination: wire.destination, is_writable: wire.writable }
}

fn published_ports(wire: &[wire::Port]) -> Vec<u16> {
    let mut ports: Vec<u16> = wire
        .iter()
        .filter(|port| port.protocol == "tcp" && port.host_port != 0)
        .filter_map(|port| u16::try_from(port.container_port).ok())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

pub(super) fn difference(wire: wire::Difference) -> Difference {
    Difference { field: wire.field, before: wire.before, after: wire.after }
}

pub(super) fn guard(guard: &Guard<'_>) -> wire::up_service_request::Guard {
    wire::up_service_request::Guard {
        inspect_json: guard.inspect_json.to_owned(),
        expected_fields: guard.expected.to_vec(),
        image_id: guard.image_id.to_owned(),
    }
}

pub(super) fn image(wire: wire::Image) -> Image {
    Image { id: wire.id, tags: wire.repo_tags }
}

pub(super) const fn wanted(answer: Option<PortAnswer>) -> wire::PortAnswer {
    match answer {
        None => wire::PortAnswer::Unspecified,
        Some(PortAnswer::Closed) => wire::PortAnswer::Closed,
        Some(PortAnswer::Open) => wire::PortAnswer::Open,
        Some(PortAnswer::Talks) => wire::PortAnswer::Talks,
        Some(PortAnswer::Http) => wire::PortAnswer::Http,
        Some(PortAnswer::HttpOk) => wire::PortAnswer::HttpOk,
    }
}

pub(super) fn port(wire: wire::probe_ports_response::ProbedPort) -> Option<Port> {
    let answer = match wire.answer() {
        wire::PortAnswer::Unspecified | wire::PortAnswer::Closed => PortAnswer::Closed,
        wire::PortAnswer::Open => PortAnswer::Open,
        wire::PortAnswer::Talks => PortAnswer::Talks,
        wire::PortAnswer::Http => PortAnswer::Http,
        wire::PortAnswer::HttpOk => PortAnswer::HttpOk,
    };
    Some(Port { port: u16::try_from(wire.container_port).ok()?, answer })
}

pub(super) fn project(project: &Project) -> wire::ComposeProject {
    wire::ComposeProject {
        name: project.name.clone(),
        config_files: project.config_files.clone(),
        working_dir: project.working_dir.clone(),
        environment_files: project.environment_files.clone(),
    }
}

/// Of `docker compose config --format json`, what matters here.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    image: Option<String>,
}

pub(super) fn resolved(wire: wire::GetProjectResponse) -> Result<Resolved, serde_json::Error> {
    let config: Config = serde_json::from_str(&wire.config_json)?;
    let images = config.services.into_iter().filter_map(|(name, service)| Some((name, service.image?))).collect();
    Ok(Resolved { images, config_hashes: wire.config_hashes.into_iter().collect() })
}

pub(super) fn source(source: &Source) -> wire::SnapshotSource {
    let kind = match source.kind {
        MountKind::Volume => wire::snapshot_source::Kind::Volume,
        MountKind::Bind => wire::snapshot_source::Kind::Bind,
        MountKind::Other => wire::snapshot_source::Kind::Unspecified,
    };
    wire::SnapshotSource { kind: kind.into(), source: source.source.clone() }
}

pub(super) const fn measure(wire: &wire::MeasureSourcesResponse) -> Measure {
    Measure {
        files: wire.files,
        total_bytes: wire.total_bytes,
        needed_bytes: wire.needed_bytes,
        free_bytes: wire.free_bytes,
    }
}

pub(super) fn taken_locks(wire: wire::TakeUpdateLocksResponse) -> TakenLocks {
    let lock = |wire: wire::UpdateLock| UpdateLock {
        directory: usize::try_from(wire.directory).unwrap_or(usize::MAX),
        file: wire.file,
        uid: wire.uid,
        since: wire.since.and_then(|time| Timestamp::from_second(time.seconds).ok()),
        content: wire.content,
    };
    TakenLocks { held: wire.held.into_iter().map(lock).collect(), broken: wire.broken.into_iter().map(lock).collect() }
}

/// None: it says nothing.
pub(super) fn self_update(wire: &wire::GetSelfUpdateResponse) -> Option<SelfUpdateState> {
    use wire::get_self_update_response::State;
    match wire.state() {
        State::Unspecified => None,
        State::None => Some(SelfUpdateState::None),
        State::Running => Some(SelfUpdateState::Running),
        State::Ended => Some(SelfUpdateState::Ended(String::from_utf8_lossy(&wire.result_json).into_owned())),
    }
}
