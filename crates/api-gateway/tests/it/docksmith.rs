//! The Docksmith API as its clients see it. The files below are named after the sections of its contract.

mod additions;
mod s1_transport;
mod s2_1_checks;
mod s2_2_updates;
mod s2_3_history;
mod s2_4_restart;
mod s2_5_labels;
mod s2_6_scripts;
mod s2_7_resources;
mod s2_8_containers;
mod s3_types;

use std::time::Duration;

use crate::stack::Stack;
use homeport_proto::updater::v1::{
    Change, CheckedContainer, ContainerStatus, Operation, OperationDetail, OperationStatus, OperationType, Snapshot,
};

fn time(seconds: i64, milliseconds: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: milliseconds * 1_000_000 })
}

fn container(name: &str, stack: &str, status: ContainerStatus, change: Change) -> CheckedContainer {
    CheckedContainer {
        container_id: format!("{name}-id"),
        container_name: name.to_owned(),
        image: format!("{name}:1.0"),
        current_tag: "1.0".to_owned(),
        latest_version: "2.0".to_owned(),
        available_tags: (0..150).map(|number| format!("1.{number}")).collect(),
        change: change.into(),
        status: status.into(),
        stack: stack.to_owned(),
        health_status: "healthy".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        ..CheckedContainer::default()
    }
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        containers: vec![
            container("web", "site", ContainerStatus::UpdateAvailable, Change::Major),
            container("cache", "site", ContainerStatus::LocalImage, Change::Unspecified),
            container("db", "", ContainerStatus::UpdateAvailable, Change::Rebuild),
            container("old", "", ContainerStatus::UpToDate, Change::Unspecified),
            container("blocked", "", ContainerStatus::UpdateAvailableBlocked, Change::Minor),
        ],
        update_order: vec!["db".to_owned(), "web".to_owned()],
        checking: false,
        last_run_at: time(1_784_800_000, 123),
        last_refresh_at: time(1_784_800_000, 0),
        next_run_at: time(1_784_800_300, 123),
        check_interval: prost_types::Duration::try_from(Duration::from_secs(300)).ok(),
        cache_lifetime: prost_types::Duration::try_from(Duration::from_secs(3600)).ok(),
        error: String::new(),
    }
}

async fn stack() -> Stack {
    let stack = Stack::start().await;
    *stack.world.snapshot.lock().unwrap() = snapshot();
    stack
}

pub(crate) fn operation(number: i64, group: &str) -> Operation {
    Operation {
        id: number,
        operation_id: format!("op-{number}"),
        container_name: "web".to_owned(),
        r#type: OperationType::Single.into(),
        status: OperationStatus::Complete.into(),
        new_version: "2.0".to_owned(),
        created_at: time(1_784_800_000, 5),
        started_at: time(1_784_800_000, 5),
        batch_group_id: group.to_owned(),
        details: vec![OperationDetail { container_name: "web".to_owned(), ..OperationDetail::default() }],
        ..Operation::default()
    }
}
