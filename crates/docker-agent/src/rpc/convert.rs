//! Between the protobuf messages and the crate's own types: total outwards, fallible inwards.

mod container;
mod inventory;
mod service;
mod upkeep;

use std::time::Duration;

use homeport_proto::docker::v1 as proto;
use jiff::Timestamp;
use serde_json::Value;

pub(super) use container::container;
pub(super) use inventory::{inventory, log_line, stats, wanted_log};
pub(super) use service::service;
pub(super) use upkeep::{pruned, removed_image, wanted_prune};

use crate::{
    compose::Project,
    container::compare::Difference,
    document::Document as _,
    error::EngineError,
    helper::probe::{Answer, Probed, Wanted},
    name,
    snapshot::{Snapshot, Source},
};

/// An image: what describes it, and an entry of the list of images, which knows its tags of this moment. Either may be
/// the same document.
pub(super) fn image(described: &Value, entry: &Value) -> proto::Image {
    let known = |list: Vec<String>| list.into_iter().filter(|name| !name.contains("<none>")).collect();
    proto::Image {
        id: entry.text("Id").to_owned(),
        repo_tags: known(entry.texts("RepoTags")),
        repo_digests: known(entry.texts("RepoDigests")),
        size_bytes: u64::try_from(entry.number("Size")).unwrap_or_default(),
        created_at: timestamp(described.text("Created")),
        labels: described.labels("Config.Labels"),
        os: described.text("Os").to_owned(),
        architecture: described.text("Architecture").to_owned(),
        variant: described.text("Variant").to_owned(),
    }
}

pub(super) fn network(network: &Value) -> proto::Network {
    let mut containers: Vec<String> =
        network.fields("Containers").map(|(_, container)| container.text("Name").to_owned()).collect();
    containers.sort();
    proto::Network {
        id: network.text("Id").to_owned(),
        name: network.text("Name").to_owned(),
        driver: network.text("Driver").to_owned(),
        scope: network.text("Scope").to_owned(),
        created_at: timestamp(network.text("Created")),
        containers,
        labels: network.labels("Labels"),
    }
}

pub(super) fn volume(volume: &Value) -> proto::Volume {
    proto::Volume {
        name: volume.text("Name").to_owned(),
        driver: volume.text("Driver").to_owned(),
        mount_point: volume.text("Mountpoint").to_owned(),
        created_at: timestamp(volume.text("CreatedAt")),
        labels: volume.labels("Labels"),
    }
}

pub(super) fn difference(difference: Difference) -> proto::Difference {
    let json = |value: Option<Value>| value.map(|value| value.to_string()).unwrap_or_default();
    proto::Difference { field: difference.field, before: json(difference.before), after: json(difference.after) }
}

pub(super) fn project(project: Option<proto::ComposeProject>) -> Result<Project, EngineError> {
    let project = project.ok_or_else(|| EngineError::Argument("the request names no compose project".to_owned()))?;
    let paths = |list: Vec<String>| list.into_iter().map(Into::into).collect();
    Ok(Project {
        name: project.name,
        config_files: paths(project.config_files),
        working_dir: Some(project.working_dir).filter(|path| !path.is_empty()).map(Into::into),
        environment_files: paths(project.environment_files),
    })
}

pub(super) fn wanted_port(wanted: proto::probe_ports_request::WantedPort) -> Result<Wanted, EngineError> {
    let port = u16::try_from(wanted.container_port).ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| EngineError::Argument(format!("{} is no port", wanted.container_port)))?;
    let answer = match wanted.wanted() {
        proto::PortAnswer::Unspecified => None,
        proto::PortAnswer::Closed => Some(Answer::Closed),
        proto::PortAnswer::Open => Some(Answer::Open),
        proto::PortAnswer::Talks => Some(Answer::Talks),
        proto::PortAnswer::Http => Some(Answer::Http),
        proto::PortAnswer::HttpOk => Some(Answer::HttpOk),
    };
    let path = Some(wanted.http_path).filter(|path| !path.is_empty());
    if path.as_ref().is_some_and(|path| !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(EngineError::Argument("the path of a page begins with a slash and has no blanks".to_owned()));
    }
    Ok(Wanted { port, answer, path })
}

pub(super) fn probed_port(probed: Probed) -> proto::probe_ports_response::ProbedPort {
    let answer = match probed.answer {
        Answer::Closed => proto::PortAnswer::Closed,
        Answer::Open => proto::PortAnswer::Open,
        Answer::Talks => proto::PortAnswer::Talks,
        Answer::Http => proto::PortAnswer::Http,
        Answer::HttpOk => proto::PortAnswer::HttpOk,
    };
    proto::probe_ports_response::ProbedPort { container_port: probed.port.into(), answer: answer.into() }
}

pub(super) fn snapshot_source(source: &proto::SnapshotSource) -> Result<Source, EngineError> {
    use proto::snapshot_source::Kind;
    match source.kind() {
        Kind::Volume => {
            let name = name::volume(&source.source)?.to_owned();
            Ok(Source::Volume { name, driver: String::new(), options: [].into(), labels: [].into() })
        }
        Kind::Bind => Ok(Source::Bind { path: name::absolute(&source.source, "the source")?.to_owned() }),
        Kind::Unspecified => Err(EngineError::Argument(format!("the source {} has no kind", source.source))),
    }
}

pub(super) fn snapshot(snapshot: Snapshot) -> proto::Snapshot {
    use proto::snapshot_source::Kind;
    let source = |source: Source| match source {
        Source::Volume { name, .. } => proto::SnapshotSource { kind: Kind::Volume.into(), source: name },
        Source::Bind { path } => proto::SnapshotSource { kind: Kind::Bind.into(), source: path },
    };
    proto::Snapshot {
        id: snapshot.id,
        sources: snapshot.sources.into_iter().map(source).collect(),
        created_at: timestamp(&snapshot.created_at),
        labels: snapshot.labels,
    }
}

/// Absent and negative ones are no time at all.
pub(super) fn duration(duration: Option<prost_types::Duration>) -> Duration {
    duration.and_then(|duration| duration.try_into().ok()).unwrap_or_default()
}

/// As [`duration`], where absence has a meaning of its own.
pub(super) fn timeout(wire: Option<prost_types::Duration>) -> Option<Duration> {
    wire.map(|wire| duration(Some(wire)))
}

/// The engine writes the year 1 for never.
fn timestamp(text: &str) -> Option<prost_types::Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > 0)
        .then(|| prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}
