//! Lists, figures and logs.

use homeport_proto::docker::v1 as proto;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    container::{health, state},
    timestamp,
};
use crate::{
    error::EngineError,
    inventory::{Container, Image, Inventory, Network, Volume},
    logs,
    stats::Stats,
};

/// Everything but helpers, which come and go with the jobs that they do.
pub(in crate::rpc) fn inventory(inventory: Inventory) -> proto::GetInventoryResponse {
    let helpers: Vec<String> =
        inventory.containers.iter().filter(|one| one.is_helper).map(|one| one.name.clone()).collect();
    let known = |users: Vec<String>| users.into_iter().filter(|user| !helpers.contains(user)).collect::<Vec<_>>();
    let containers = inventory.containers.into_iter().filter(|one| !one.is_helper);
    proto::GetInventoryResponse {
        containers: containers.map(container).collect(),
        images: inventory.images.into_iter().map(image).collect(),
        networks: inventory
            .networks
            .into_iter()
            .map(|one| network(Network { users: known(one.users.clone()), ..one }))
            .collect(),
        volumes: inventory
            .volumes
            .into_iter()
            .map(|one| volume(Volume { users: known(one.users.clone()), ..one }))
            .collect(),
    }
}

fn container(container: Container) -> proto::InventoryContainer {
    proto::InventoryContainer {
        state: state(&container.state).into(),
        health: health(container.health).into(),
        created_at: seconds(container.created),
        id: container.id,
        name: container.name,
        image: container.image,
        image_id: container.image_id,
        labels: container.labels,
        networks: container.networks.into_iter().collect(),
        is_own: container.is_own,
    }
}

fn image(image: Image) -> proto::InventoryImage {
    proto::InventoryImage {
        id: image.id,
        dangling: image.tags.is_empty(),
        repo_tags: image.tags,
        size_bytes: image.size,
        created_at: seconds(image.created),
        in_use: image.in_use,
        kept: image.kept,
    }
}

fn network(network: Network) -> proto::InventoryNetwork {
    proto::InventoryNetwork {
        created_at: timestamp(&network.created),
        id: network.id,
        name: network.name,
        driver: network.driver,
        scope: network.scope,
        containers: network.users,
        is_default: network.is_default,
    }
}

fn volume(volume: Volume) -> proto::InventoryVolume {
    proto::InventoryVolume {
        created_at: timestamp(&volume.created),
        name: volume.name,
        driver: volume.driver,
        mount_point: volume.mount_point,
        containers: volume.users,
        size_bytes: volume.size,
        kept: volume.kept,
    }
}

fn seconds(seconds: i64) -> Option<prost_types::Timestamp> {
    (seconds > 0).then_some(prost_types::Timestamp { seconds, nanos: 0 })
}

pub(in crate::rpc) fn stats((document, stats): (Value, Stats)) -> proto::GetStatsResponse {
    proto::GetStatsResponse {
        raw_json: document.to_string(),
        cpu_percent: stats.cpu_percent,
        memory_usage_bytes: stats.memory_usage,
        memory_limit_bytes: stats.memory_limit,
        memory_percent: stats.memory_percent,
        network_rx_bytes: stats.network_rx,
        network_tx_bytes: stats.network_tx,
    }
}

pub(in crate::rpc) fn wanted_log(wire: proto::ReadLogsRequest) -> Result<logs::Wanted, EngineError> {
    let time = |time: Option<prost_types::Timestamp>| {
        time.map(|time| Timestamp::new(time.seconds, time.nanos)).transpose().map_err(|_| {
            EngineError::Argument("the time from which or until which the log is wanted is none".to_owned())
        })
    };
    Ok(logs::Wanted {
        container: wire.container,
        tail: wire.tail,
        since: time(wire.since)?,
        until: time(wire.until)?,
        timestamps: wire.timestamps,
        follow: wire.follow,
    })
}

pub(in crate::rpc) fn log_line(line: logs::Line) -> proto::LogLine {
    proto::LogLine {
        at: Some(prost_types::Timestamp { seconds: line.at.as_second(), nanos: line.at.subsec_nanosecond() }),
        container_id: line.part.id,
        container_name: line.part.name,
        image: line.part.image,
        is_error: line.is_error,
        text: line.text,
    }
}
