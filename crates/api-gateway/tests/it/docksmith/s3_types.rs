//! Contract, section 3: data types, key by key.

use homeport_proto::updater::v1::{
    Change, CheckedContainer, ContainerStatus, Operation, OperationDetail, OperationStatus, OperationType, Snapshot,
};
use serde_json::{Value, json};

use super::{container, stack, time};
use crate::stack::Stack;

/// Every status, with the word that clients know.
const STATUSES: [(ContainerStatus, &str); 10] = [
    (ContainerStatus::UpdateAvailable, "UPDATE_AVAILABLE"),
    (ContainerStatus::UpdateAvailableBlocked, "UPDATE_AVAILABLE_BLOCKED"),
    (ContainerStatus::UpToDate, "UP_TO_DATE"),
    (ContainerStatus::UpToDatePinnable, "UP_TO_DATE_PINNABLE"),
    (ContainerStatus::LocalImage, "LOCAL_IMAGE"),
    (ContainerStatus::ComposeMismatch, "COMPOSE_MISMATCH"),
    (ContainerStatus::Ignored, "IGNORED"),
    (ContainerStatus::CheckFailed, "CHECK_FAILED"),
    (ContainerStatus::MetadataUnavailable, "METADATA_UNAVAILABLE"),
    (ContainerStatus::Unknown, "UNKNOWN"),
];

async fn status_of(snapshot: Snapshot) -> Value {
    let stack = Stack::start().await;
    *stack.world.snapshot.lock().unwrap() = snapshot;
    stack.client.get("/api/status").await.json()["data"].clone()
}

fn of(containers: Vec<CheckedContainer>) -> Snapshot {
    Snapshot { containers, ..Snapshot::default() }
}

#[tokio::test]
async fn s3_1_each_status_counts_where_it_belongs() {
    let containers = STATUSES.iter().map(|(status, word)| container(word, "", *status, Change::Unspecified)).collect();
    let data = status_of(of(containers)).await;
    for (container, (_, word)) in data["containers"].as_array().unwrap().iter().zip(STATUSES) {
        assert_eq!((&container["container_name"], &container["status"]), (&json!(word), &json!(word)));
    }
    let counters = ["total_checked", "updates_found", "up_to_date", "local_images", "failed", "ignored"];
    assert_eq!(counters.map(|key| data[key].as_u64().unwrap()), [10, 1, 1, 1, 1, 1], "four are in no counter");
    assert_eq!((&data["total"], &data["updates_available"]), (&json!(10), &json!(1)), "the other names");
}

#[tokio::test]
async fn s3_1_a_stack_says_what_can_be_done_with_it() {
    use ContainerStatus::{LocalImage, UpToDate, UpdateAvailable, UpdateAvailableBlocked};
    let cases = [
        (vec![(UpdateAvailable, Change::Patch), (LocalImage, Change::Unspecified)], true, true, json!("patch")),
        (vec![(UpdateAvailable, Change::Minor), (UpdateAvailable, Change::Major)], true, true, json!("major")),
        (vec![(UpdateAvailable, Change::Rebuild), (UpToDate, Change::Unspecified)], true, false, Value::Null),
        (vec![(UpdateAvailableBlocked, Change::Major)], false, false, Value::Null),
        (vec![(UpdateAvailable, Change::Unknown)], true, true, Value::Null),
        (vec![(LocalImage, Change::Unspecified)], false, true, Value::Null),
    ];
    let containers = cases.iter().enumerate().flat_map(|(number, (members, ..))| {
        let stack = format!("stack{number}");
        members
            .iter()
            .enumerate()
            .map(move |(at, (status, change))| container(&format!("{number}-{at}"), &stack, *status, *change))
    });
    let data = status_of(of(containers.collect())).await;
    assert_eq!(data["standalone_containers"], json!([]));
    for (number, (members, has_updates, all_updatable, priority)) in cases.iter().enumerate() {
        let stack = &data["stacks"][format!("stack{number}")];
        assert_eq!(stack["name"], format!("stack{number}"));
        assert_eq!(stack["containers"].as_array().unwrap().len(), members.len());
        assert_eq!(
            (&stack["has_updates"], &stack["all_updatable"], &stack["update_priority"]),
            (&json!(has_updates), &json!(all_updatable), priority),
            "{number}"
        );
    }
}

#[tokio::test]
async fn s3_1_checking_and_times_are_there_when_there_is_something_to_say() {
    let snapshot = Snapshot {
        checking: true,
        last_run_at: time(1_784_800_000, 7),
        next_run_at: time(1_784_800_300, 7),
        error: "the engine is away".to_owned(),
        ..Snapshot::default()
    };
    let data = status_of(snapshot).await;
    assert_eq!((&data["checking"], &data["error"]), (&json!(true), &json!("the engine is away")));
    assert_eq!(data["last_background_run"], "2026-07-23T09:46:40.007Z", "milliseconds, also when they are few");
    assert_eq!(data["next_check"], "2026-07-23T09:51:40.007Z");
    assert_eq!(data.get("last_cache_refresh"), None);
}

#[tokio::test]
async fn s3_2_a_container_has_every_key() {
    let text = str::to_owned;
    let full = CheckedContainer {
        container_id: text("4f2a"),
        container_name: text("web"),
        image: text("nginx:1.26-alpine"),
        current_tag: text("1.26-alpine"),
        current_version: text("1.26.2"),
        current_suffix: text("alpine"),
        latest_version: text("1.27-alpine"),
        latest_resolved_version: text("1.27.0-alpine"),
        current_digest: text("sha256:a"),
        latest_digest: text("sha256:b"),
        available_tags: vec![text("1.27-alpine")],
        change: Change::Minor.into(),
        status: ContainerStatus::UpdateAvailableBlocked.into(),
        error: text("error"),
        is_local: true,
        using_latest_tag: true,
        recommended_tag: text("1.27.0-alpine"),
        pre_update_check: text("check.sh"),
        pre_update_check_pass: true,
        pre_update_check_fail: text("no"),
        health_status: text("healthy"),
        compose_image: text("nginx:1.26-alpine"),
        env_var_name: text("TAG"),
        note: text("note"),
        stack: text("shop"),
        service: text("web"),
        dependencies: vec![text("db")],
        labels: [(text("a"), text("b"))].into(),
        compose_labels: [(text("docksmith.ignore"), text("true"))].into(),
        labels_out_of_sync: true,
        running: true,
        checked_at: time(1_784_800_000, 123),
    };
    let expected = json!({
        "container_name": "web", "name": "web", "image": "nginx:1.26-alpine", "id": "4f2a",
        "current_tag": "1.26-alpine", "current_version": "1.26.2", "current_suffix": "alpine",
        "latest_version": "1.27-alpine", "latest_resolved_version": "1.27.0-alpine",
        "current_digest": "sha256:a", "latest_digest": "sha256:b", "available_tags": ["1.27-alpine"],
        "change_type": 2, "status": "UPDATE_AVAILABLE_BLOCKED", "update_available": true, "error": "error",
        "is_local": true, "using_latest_tag": true, "pre_update_check": "check.sh", "pre_update_check_pass": true,
        "pre_update_check_fail": "no", "recommended_tag": "1.27.0-alpine", "health_status": "healthy",
        "compose_image": "nginx:1.26-alpine", "env_controlled": true, "env_var_name": "TAG", "note": "note",
        "stack": "shop", "service": "web", "dependencies": ["db"], "labels": { "a": "b" },
        "compose_labels": { "docksmith.ignore": "true" }, "labels_out_of_sync": true, "running": true,
        "checked_at": "2026-07-23T09:46:40.123Z",
    });
    let data = status_of(of(vec![full, CheckedContainer::default()])).await;
    assert_eq!(data["containers"][0], expected);
    let least = json!({
        "container_name": "", "name": "", "image": "", "id": "", "change_type": 0, "status": "UNKNOWN",
        "update_available": false, "is_local": false, "using_latest_tag": false, "pre_update_check_pass": false,
        "running": false,
    });
    assert_eq!(data["containers"][1], least, "what is always there");
    let mut second = expected;
    second.as_object_mut().unwrap().remove("available_tags");
    assert_eq!(data["stacks"]["shop"]["containers"][0], second, "all but the tags again");
}

#[tokio::test]
async fn s3_2_changes_are_the_numbers_that_clients_know() {
    let changes = [
        (Change::Unspecified, 0),
        (Change::Rebuild, 0),
        (Change::Patch, 1),
        (Change::Minor, 2),
        (Change::Major, 3),
        (Change::Downgrade, 4),
        (Change::Unknown, 5),
    ];
    let containers = changes.iter().map(|(change, _)| container("x", "", ContainerStatus::UpToDate, *change));
    let data = status_of(of(containers.collect())).await;
    for (container, (change, number)) in data["containers"].as_array().unwrap().iter().zip(changes) {
        assert_eq!(container["change_type"], number, "{change:?}");
    }
}

#[tokio::test]
async fn s3_3_an_operation_has_every_key() {
    let text = str::to_owned;
    let detail = OperationDetail {
        container_name: text("web"),
        stack_name: text("shop"),
        old_version: text("1.26"),
        new_version: text("1.27"),
        change_type: 2,
        old_resolved_version: text("1.26.2"),
        new_resolved_version: text("1.27.0"),
        old_digest: text("sha256:a"),
        status: text("complete"),
        message: text("done"),
    };
    let full = Operation {
        id: 42,
        operation_id: text("0b7e"),
        container_id: text("4f2a"),
        container_name: text("web"),
        stack_name: text("shop"),
        r#type: OperationType::Single.into(),
        status: OperationStatus::Complete.into(),
        old_version: text("1.26"),
        new_version: text("1.27"),
        started_at: time(1_784_800_000, 1),
        completed_at: time(1_784_800_032, 2),
        error_message: text("note"),
        dependents_affected: vec![text("api")],
        rollback_occurred: true,
        details: vec![detail],
        batch_group_id: text("5d41"),
        created_at: time(1_784_800_000, 0),
        updated_at: time(1_784_800_032, 2),
        stage: text("complete"),
        percent: 100,
        requested_by: text("ada"),
        rollback_of: text("77de"),
    };
    let expected = json!({
        "id": 42, "operation_id": "0b7e", "container_id": "4f2a", "container_name": "web", "stack_name": "shop",
        "operation_type": "single", "status": "complete", "old_version": "1.26", "new_version": "1.27",
        "started_at": "2026-07-23T09:46:40.001Z", "completed_at": "2026-07-23T09:47:12.002Z",
        "error_message": "note", "dependents_affected": ["api"], "rollback_occurred": true,
        "batch_details": [{
            "container_name": "web", "stack_name": "shop", "old_version": "1.26", "new_version": "1.27",
            "change_type": 2, "old_resolved_version": "1.26.2", "new_resolved_version": "1.27.0",
            "old_digest": "sha256:a", "status": "complete", "message": "done",
        }],
        "batch_group_id": "5d41", "created_at": "2026-07-23T09:46:40.000Z",
        "updated_at": "2026-07-23T09:47:12.002Z", "stage": "complete", "percent": 100, "requested_by": "ada",
        "rollback_of": "77de",
    });
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() = vec![full];
    assert_eq!(stack.client.get("/api/operations/0b7e").await.json()["data"], expected);
    assert_eq!(stack.client.get("/api/operations").await.json()["data"]["operations"], json!([expected]));
}

#[tokio::test]
async fn s3_3_kinds_and_states_are_the_words_that_clients_know() {
    use OperationStatus as State;
    use OperationType as Kind;
    let kinds = [
        (Kind::Single, "single"),
        (Kind::Batch, "batch"),
        (Kind::Rollback, "rollback"),
        (Kind::Restart, "restart"),
        (Kind::LabelChange, "label_change"),
        (Kind::Stop, "stop"),
        (Kind::Start, "start"),
        (Kind::Remove, "remove"),
        (Kind::FixMismatch, "fix_mismatch"),
    ];
    let states = [
        (State::Queued, "queued"),
        (State::InProgress, "in_progress"),
        (State::PendingRestart, "pending_restart"),
        (State::Complete, "complete"),
        (State::Failed, "failed"),
    ];
    let of =
        |kind: Kind, state: State| Operation { r#type: kind.into(), status: state.into(), ..super::operation(1, "") };
    let operations = kinds.iter().map(|(kind, _)| of(*kind, State::Complete));
    let operations = operations.chain(states.iter().map(|(state, _)| of(Kind::Single, *state)));
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() = operations.collect();
    let listed = stack.client.get("/api/operations?format=array&limit=50").await.json()["data"].clone();
    let listed = listed.as_array().unwrap().clone();
    for (shown, (_, word)) in listed.iter().zip(kinds) {
        assert_eq!(shown["operation_type"], word);
    }
    for (shown, (_, word)) in listed.iter().skip(kinds.len()).zip(states) {
        assert_eq!(shown["status"], word);
    }
}
