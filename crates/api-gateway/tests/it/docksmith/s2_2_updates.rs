//! Contract, section 2.2: updates and rollback.

use std::{sync::atomic::Ordering, time::Duration};

use http::{Method, StatusCode};
use serde_json::json;

use super::stack;

#[tokio::test]
async fn s2_2_an_update_is_started_in_both_spellings() {
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
async fn s2_2_a_wrong_update_is_refused_in_words() {
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
async fn s2_2_a_batch_takes_names_and_objects() {
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
async fn s2_2_an_update_is_finished_though_its_client_left() {
    let stack = stack().await;
    *stack.world.update_takes.lock().unwrap() = Duration::from_millis(300);
    let call = stack.client.post("/api/update", r#"{"container_name":"web"}"#);
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err(), "the client leaves early");
    crate::stack::eventually(|| stack.world.updates_done.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn s2_2_a_rollback_names_both_operations() {
    let stack = stack().await;
    let data = stack.client.post("/api/rollback", r#"{"operation_id":"op-1"}"#).await.json();
    let expected = json!({ "operation_id": "op-3", "original_operation_id": "op-1", "message": "Rollback initiated" });
    assert_eq!(data["data"], expected);
    let missing = stack.client.post("/api/rollback", "{}").await;
    assert_eq!((missing.status.as_u16(), &missing.json()["error"]), (400, &json!("operation_id is required")));
    let unknown = stack.client.post("/api/rollback", r#"{"operation_id":"x"}"#).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (404, &json!("operation not found")));
}

#[tokio::test]
async fn s2_2_a_way_back_that_dependents_refuse_offers_force() {
    let stack = stack().await;
    let refused = stack.client.post("/api/rollback", r#"{"operation_id":"refused"}"#).await;
    let text = "pre-update check failed for dependent container(s): a, b (use force to skip)";
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (500, &json!(text)));
}

#[tokio::test]
async fn s2_2_some_containers_are_rolled_back() {
    let stack = stack().await;
    let post = |body: &'static str| stack.client.post("/api/rollback/containers", body);
    let data = post(r#"{"operation_id":"op-1","container_names":["web"],"force":true}"#).await.json();
    assert_eq!(data["data"], json!({ "operation_id": "op-3", "message": "Per-container rollback initiated" }));
    for body in [
        "{}",
        r#"{"operation_id":"op-1"}"#,
        r#"{"operation_id":"op-1","container_names":[]}"#,
        r#"{"container_names":["web"]}"#,
    ] {
        assert_eq!(post(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(post(r#"{"operation_id":"x","container_names":["web"]}"#).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s2_2_a_mismatch_is_fixed() {
    let stack = stack().await;
    let data = stack.client.post("/api/fix-compose-mismatch/web", "").await.json()["data"].clone();
    let expected = json!({
        "operation_id": "op-f", "container_name": "web", "status": "started", "message": "Fixing compose mismatch for web",
    });
    assert_eq!(data, expected);
    for (name, status, words) in [("nobody", 404, "not found"), ("built", 500, "no image key found for service built")]
    {
        let answer = stack.client.post(&format!("/api/fix-compose-mismatch/{name}"), "").await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        assert!(answer.json()["error"].as_str().unwrap().contains(words), "{}", answer.json());
    }
}
