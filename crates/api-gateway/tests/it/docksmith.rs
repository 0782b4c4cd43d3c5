//! The Docksmith API as its clients see it. The files below are named after the sections of its contract.

mod s1_transport;
mod s2_3_history;
mod s2_4_restart;
mod s2_5_labels;
mod s2_6_scripts;
mod s2_7_resources;
mod s2_8_containers;

use std::{sync::atomic::Ordering, time::Duration};

use homeport_proto::updater::v1::{
    Change, CheckedContainer, ContainerStatus, Operation, OperationDetail, OperationStatus, OperationType, Snapshot,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::Stack;

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

#[tokio::test]
async fn status_before_the_first_check_is_empty_lists_and_zeros() {
    let stack = Stack::start().await;
    let body = stack.client.get("/api/status").await.json();
    let expected = json!({
        "containers": [], "stacks": {}, "standalone_containers": [], "update_order": [],
        "total_checked": 0, "total": 0, "updates_found": 0, "updates_available": 0, "up_to_date": 0,
        "local_images": 0, "failed": 0, "ignored": 0,
    });
    assert_eq!(body["data"], expected);
    assert_eq!((&body["success"], body["version"].is_string()), (&json!(true), true));
    assert!(body["timestamp"].as_str().unwrap().len() == "2026-07-23T09:46:40.123Z".len(), "{}", body["timestamp"]);
}

#[tokio::test]
async fn status_has_the_counters_the_containers_and_the_stacks() {
    let stack = stack().await;
    let answer = stack.client.get("/api/status").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let data = &answer.json()["data"];
    let counters = ["total_checked", "updates_found", "up_to_date", "local_images", "failed", "ignored"];
    assert_eq!(counters.map(|key| data[key].as_u64().unwrap()), [5, 2, 1, 1, 0, 0]);
    assert_eq!((&data["total"], &data["updates_available"]), (&json!(5), &json!(2)));
    assert_eq!(data["last_background_run"], "2026-07-23T09:46:40.123Z");
    assert_eq!(data["last_cache_refresh"], "2026-07-23T09:46:40.000Z");
    assert_eq!((&data["check_interval"], &data["cache_ttl"]), (&json!("5m0s"), &json!("1h0m0s")));
    assert_eq!(data["checking"], Value::Null, "left out when false");
    assert_eq!(data["update_order"], json!(["db", "web"]));
    let web = &data["containers"][0];
    assert_eq!((&web["container_name"], &web["name"], &web["id"]), (&json!("web"), &json!("web"), &json!("web-id")));
    assert_eq!((&web["status"], &web["change_type"]), (&json!("UPDATE_AVAILABLE"), &json!(3)));
    assert_eq!((&web["is_local"], &web["using_latest_tag"]), (&json!(false), &json!(false)));
    assert_eq!(web["pre_update_check_pass"], false);
    assert_eq!(web["update_available"], true);
    assert_eq!(web["available_tags"].as_array().unwrap().len(), 100);
    assert_eq!(web["error"], Value::Null);
    let site = &data["stacks"]["site"];
    assert_eq!((&site["name"], &site["has_updates"]), (&json!("site"), &json!(true)));
    assert_eq!((&site["all_updatable"], &site["update_priority"]), (&json!(true), &json!("major")));
    assert_eq!(site["containers"][0]["available_tags"], Value::Null, "only the first copy has the tags");
    let standalone: Vec<_> = data["standalone_containers"].as_array().unwrap().iter().collect();
    assert_eq!(standalone.len(), 3);
    assert_eq!(standalone[0]["change_type"], 0, "a rebuild is no change of version");
    assert_eq!(standalone[2]["update_available"], true, "blocked is still available");
}

#[tokio::test]
async fn widgets_get_a_summary_and_polls_a_304() {
    let stack = stack().await;
    let summary = stack.client.get("/api/status?fields=summary").await.json();
    assert_eq!((&summary["data"]["total_checked"], &summary["data"]["containers"]), (&json!(5), &Value::Null));
    let first = stack.client.get("/api/status").await;
    let tag = first.header("etag").unwrap().to_owned();
    let poll = |tag: &str| stack.client.call(Method::GET, "/api/status").header("if-none-match", tag);
    let again = poll(&tag).send().await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    stack.world.snapshot.lock().unwrap().checking = true;
    let changed = poll(&tag).send().await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()["data"]["checking"], true);
}

#[tokio::test]
async fn a_snapshot_is_written_once_for_all_who_poll_it() {
    let stack = Stack::start().await;
    stack.world.told.send_replace(Some(snapshot()));
    let get = |encoding: &'static str| {
        stack.client.call(Method::GET, "/api/status").header("accept-encoding", encoding).send()
    };
    // Told over a stream, which takes a moment.
    let mut first = get("identity").await;
    for _ in 0..200 {
        if first.json()["data"]["total_checked"] == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        first = get("identity").await;
    }
    assert_eq!(first.json()["data"]["total_checked"], 5);
    let second = get("identity").await;
    assert_eq!((second.header("etag"), &second.body), (first.header("etag"), &first.body), "the same, byte for byte");
    let small = get("br, gzip").await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), (Some("gzip"), Some("accept-encoding")));
    assert!(small.body.len() * 2 < first.body.len(), "{} of {}", small.body.len(), first.body.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&small.body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, first.body);
    let tag = first.header("etag").unwrap().to_owned();
    let poll = stack.client.call(Method::GET, "/api/status").header("if-none-match", &tag).send().await;
    assert_eq!((poll.status, poll.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let summary = stack.client.get("/api/status?fields=summary").await;
    assert_eq!((&summary.json()["data"]["containers"], summary.header("etag") == Some(&tag)), (&Value::Null, false));
    stack.world.told.send_replace(Some(Snapshot { checking: true, ..snapshot() }));
    for _ in 0..200 {
        if stack.client.get("/api/status").await.json()["data"]["checking"] == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the newer snapshot never came");
}

#[tokio::test]
async fn tags_are_explained() {
    let stack = stack().await;
    let body = r#"{"image":"nginx:1.0","tags":["1.0","2.0"],"labels":{"docksmith.Tag-Regex":"x"}}"#;
    let data = &stack.client.post("/api/explain", body).await.json()["data"];
    assert_eq!(
        (&data["status"], &data["current"], &data["latest"]),
        (&json!("UPDATE_AVAILABLE"), &json!("1.0"), &json!("2.0"))
    );
    assert_eq!(
        (&data["change"], &data["change_type"], &data["recommended_tag"]),
        (&json!("major"), &json!(3), &json!(""))
    );
    assert_eq!(data["candidates"][1], json!({ "tag": "2.0", "verdict": "offered", "reason": "it is offered" }));
    let calls = stack.world.calls.lock().unwrap().join("\n");
    assert!(calls.contains("docksmith.Tag-Regex"), "letters of labels stay: {calls}");
    for (body, status) in [
        ("{}", StatusCode::BAD_REQUEST),
        (r#"{"image":"NO"}"#, StatusCode::BAD_REQUEST),
        (r#"{"container":"none"}"#, StatusCode::NOT_FOUND),
        (r#"{"container":"web"}"#, StatusCode::OK),
    ] {
        assert_eq!(stack.client.post("/api/explain", body).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn the_tags_of_a_repository_are_listed() {
    let stack = stack().await;
    for path in ["/api/registry/tags/ghcr.io/o/i", "/api/registry/tags/ghcr.io%2Fo%2Fi"] {
        let data = &stack.client.get(path).await.json()["data"];
        let expected = json!({ "image_ref": "ghcr.io/o/i", "tags": ["1", "2"], "count": 2, "truncated": false });
        assert_eq!(data, &expected, "{path}");
    }
    let refused = stack.client.get("/api/registry/tags/missing").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused.json()["error"], "missing not found");
    assert_eq!(stack.client.get("/api/registry/tags/NO").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn checks_wait_as_long_as_they_are_told() {
    let stack = stack().await;
    for (method, path) in [
        (Method::GET, "/api/check"),
        (Method::POST, "/api/check?wait=1m30s"),
        (Method::GET, "/api/check?wait=500"),
        (Method::POST, "/api/trigger-check"),
    ] {
        let answer = stack.client.call(method, path).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.json()["data"].is_null(), "{path}");
    }
    let calls = stack.world.calls.lock().unwrap().join("\n");
    let refreshing: Vec<_> = calls.lines().map(|line| line.contains("refresh: true")).collect();
    assert_eq!(refreshing, [true, true, true, false], "{calls}");
    for wanted in ["seconds: 3,", "seconds: 90,", "seconds: 110,", "wait: None"] {
        assert!(calls.contains(wanted), "{wanted} is not in {calls}");
    }
    let data = stack.client.post("/api/trigger-check", "").await.json();
    assert_eq!(data["data"]["message"], "Background check triggered");
}

#[tokio::test]
async fn one_container_is_checked_again() {
    let stack = stack().await;
    let data = &stack.client.get("/api/container/web/recheck").await.json()["data"];
    assert_eq!((&data["name"], &data["stack"]), (&json!("web"), &json!("site")));
    for name in ["nobody", "a%2Fb"] {
        let answer = stack.client.get(&format!("/api/container/{name}/recheck")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let text = answer.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(text, format!("container not found: {}", name.replace("%2F", "/")));
    }
}

#[tokio::test]
async fn an_update_is_started_in_both_spellings() {
    let stack = stack().await;
    for body in [
        r#"{"container_name":"web","target_version":"2.0","force":true}"#,
        r#"{"container":"web","version":"2.0","force":true,"unknown":1}"#,
        r#"{"Container_Name":"web","TARGET_VERSION":"2.0","Force":true}"#,
    ] {
        let answer = stack.client.call(Method::POST, "/api/update").header("content-type", "text/plain").body(body);
        let data = answer.send().await.json()["data"].clone();
        let expected = json!({
            "operation_id": "op-1", "container_name": "web", "container": "web", "target_version": "2.0",
            "status": "started",
        });
        assert_eq!(data, expected, "{body}");
    }
    let calls = stack.world.calls.lock().unwrap().clone();
    assert!(calls.iter().all(|call| call == &calls[0]), "{calls:#?}");
    assert!(calls[0].contains(r#"requested_by: "admin""#), "{}", calls[0]);
    let data = stack.client.post("/api/update", r#"{"container":"web"}"#).await.json();
    assert_eq!(data["data"]["target_version"], "1.26.3", "what is recommended, when nothing is named");
}

#[tokio::test]
async fn a_wrong_update_is_refused_in_words() {
    let stack = stack().await;
    let cases = [
        ("", 400, "invalid request body"),
        ("{", 400, "invalid request body"),
        (r#"{"container_name":7}"#, 400, "invalid request body"),
        ("{}", 400, "container_name is required"),
        (r#"{"container_name":"nothing"}"#, 400, "no target version specified"),
        (r#"{"container_name":"unknown"}"#, 404, "container not found: unknown"),
        (r#"{"container_name":"panic"}"#, 500, "internal error of updater"),
    ];
    for (body, status, words) in cases {
        let answer = stack.client.post("/api/update", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        let body = answer.json();
        assert!(body["error"].as_str().unwrap().contains(words), "{body}");
        assert_eq!(body["error_detail"]["message"], body["error"]);
        assert_eq!(body["success"], false);
        assert!(!body.to_string().contains("/state"), "{body}");
    }
}

#[tokio::test]
async fn a_batch_takes_names_and_objects() {
    let stack = stack().await;
    let body = r#"{"containers":["web",{"name":"db","target_version":"2","stack":"x","force":true,"change_type":2,
        "old_resolved_version":"1.0.0","new_resolved_version":"2.0.0"}]}"#;
    let data = stack.client.post("/api/update/batch", body).await.json()["data"].clone();
    let expected = json!({
        "operations": [
            { "stack": "web", "containers": ["web", "db"], "operation_id": "op-2", "status": "started" },
            { "stack": "__standalone__", "containers": ["broken"], "status": "failed",
              "error": "container not found: broken" },
        ],
        "batch_group_id": "group-1",
        "status": "started",
    });
    assert_eq!(data, expected);
    let call = stack.world.calls.lock().unwrap()[0].clone();
    for part in [r#"stack: "x""#, "change_type: 2", r#"new_resolved_version: "2.0.0""#, "force: true"] {
        assert!(call.contains(part), "{part} is not in {call}");
    }
    for body in ["{}", r#"{"containers":[]}"#, r#"{"containers":null}"#] {
        let answer = stack.client.post("/api/update/batch", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("containers array is required")));
    }
}

#[tokio::test]
async fn an_update_is_finished_though_its_client_left() {
    let stack = stack().await;
    *stack.world.update_takes.lock().unwrap() = Duration::from_millis(300);
    let call = stack.client.post("/api/update", r#"{"container_name":"web"}"#);
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err(), "the client leaves early");
    crate::stack::eventually(|| stack.world.updates_done.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_rollback_names_both_operations() {
    let stack = stack().await;
    let data = stack.client.post("/api/rollback", r#"{"operation_id":"op-1"}"#).await.json();
    let expected = json!({ "operation_id": "op-3", "original_operation_id": "op-1", "message": "Rollback initiated" });
    assert_eq!(data["data"], expected);
    let missing = stack.client.post("/api/rollback", "{}").await;
    assert_eq!((missing.status.as_u16(), &missing.json()["error"]), (400, &json!("operation_id is required")));
    let unknown = stack.client.post("/api/rollback", r#"{"operation_id":"x"}"#).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (404, &json!("operation not found")));
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

#[tokio::test]
async fn operations_come_in_pages() {
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() = (1..=30).rev().map(|number| operation(number, "")).collect();
    let data = stack.client.get("/api/operations").await.json()["data"].clone();
    assert_eq!((&data["count"], &data["has_more"], &data["next_cursor"]), (&json!(20), &json!(true), &json!("20")));
    let first = &data["operations"][0];
    assert_eq!((&first["operation_type"], &first["status"]), (&json!("single"), &json!("complete")));
    assert_eq!(first["started_at"], "2026-07-23T09:46:40.005Z");
    assert_eq!(
        (&first["batch_details"][0]["container_name"], &first["rollback_occurred"]),
        (&json!("web"), &json!(false))
    );
    assert_eq!(first["dependents_affected"], json!([]));
    let rest = stack.client.get("/api/operations?cursor=20&limit=-5").await.json()["data"].clone();
    assert_eq!((&rest["count"], &rest["has_more"]), (&json!(10), &json!(false)));
    assert_eq!(rest["next_cursor"], Value::Null);
    let array = stack.client.get("/api/operations?format=array&limit=3").await.json()["data"].clone();
    assert_eq!(array.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn operations_are_filtered() {
    let stack = stack().await;
    let cases = [
        ("type=updates", "types: [Single, Batch]"),
        ("type=update", "types: [Single, Batch]"),
        ("type=rollback", "types: [Rollback]"),
        ("status=in_progress", "statuses: [InProgress]"),
        ("container=web", r#"container: "web""#),
        ("date_from=2026-07-23T09:46:40.5Z", "seconds: 1784800000, nanos: 500000000"),
        ("date_to=yesterday", "started_before: None"),
    ];
    for (query, wanted) in cases {
        stack.world.calls.lock().unwrap().clear();
        stack.client.get(&format!("/api/operations?{query}")).await;
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(wanted), "{query}: {call}");
    }
    stack.world.calls.lock().unwrap().clear();
    let nothing = stack.client.get("/api/operations?status=cancelled").await.json();
    assert_eq!(nothing["data"]["operations"], json!([]));
    assert!(stack.world.calls.lock().unwrap().is_empty(), "nothing can match, so nobody is asked");
}

#[tokio::test]
async fn one_operation_and_one_group_are_found() {
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() =
        vec![operation(4, ""), operation(3, "g"), operation(2, "g"), operation(1, "")];
    assert_eq!(stack.client.get("/api/operations/op-3").await.json()["data"]["id"], 3);
    let unknown = stack.client.get("/api/operations/x").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (404, &json!("operation not found")));
    let group = stack.client.get("/api/operations/group/g").await.json()["data"].clone();
    assert_eq!((&group["count"], &group["batch_group_id"]), (&json!(2), &json!("g")));
    assert_eq!(group["operations"][0]["id"], 2, "oldest first");
    let none = stack.client.get("/api/operations/group/none").await.json();
    assert_eq!(none["data"]["operations"], json!([]));
}

#[tokio::test]
async fn a_plan_is_text_and_json() {
    let stack = stack().await;
    let data = stack.client.post("/api/plan", r#"{"container_name":"web"}"#).await.json();
    let expected = json!({
        "container_name": "web", "text": "1. pull", "plan": { "steps": ["pull"] }, "hash": "0123",
        "outlook": { "dependents": [] },
    });
    assert_eq!(data["data"], expected);
}

#[tokio::test]
async fn docker_config_shows_names_only() {
    let stack = stack().await;
    let data = stack.client.get("/api/docker-config").await.json()["data"].clone();
    assert_eq!(data["registries"], json!(["Docker Hub (index.docker.io)", "ghcr.io"]));
    assert_eq!(data["running_in_docker"], true);
}

#[tokio::test]
async fn health_has_both_shapes() {
    let stack = stack().await;
    let body = stack.client.get("/api/health").await.json();
    assert_eq!((&body["status"], &body["success"]), (&json!("ok"), &json!(true)));
    let expected = json!({ "status": "healthy", "services": { "docker": true, "storage": true } });
    assert_eq!(body["data"], expected);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_json() {
    let stack = stack().await;
    let unknown = stack.client.get("/api/nothing").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error_code"]), (404, &json!("NOT_FOUND")));
    let wrong = stack.client.call(Method::DELETE, "/api/status").send().await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["error_code"]), (405, &json!("METHOD_NOT_ALLOWED")));
    assert_eq!(wrong.header("allow"), Some("GET,HEAD"));
}
