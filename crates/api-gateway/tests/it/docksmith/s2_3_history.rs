//! Contract, section 2.3: operations, history, settings, policies; and the reading of labels in 2.5.

use http::{Method, StatusCode};
use serde_json::json;

use super::{operation, stack};

#[tokio::test]
async fn s2_3_a_group_is_asked_for_by_its_id_and_comes_oldest_first() {
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() = vec![operation(3, "g"), operation(2, "other"), operation(1, "g")];
    let data = stack.client.get("/api/operations/group/g").await.json()["data"].clone();
    let ids: Vec<_> = data["operations"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!((ids.as_slice(), &data["count"]), (&[json!(1), json!(3)][..], &json!(2)));
}

#[tokio::test]
async fn s2_3_operations_are_filtered_by_every_type() {
    let stack = stack().await;
    for (kind, wanted) in [("start", "Start"), ("stop", "Stop"), ("restart", "Restart"), ("remove", "Remove")] {
        stack.world.calls.lock().unwrap().clear();
        stack.client.get(&format!("/api/operations?type={kind}")).await;
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(&format!("types: [{wanted}]")), "{kind}: {call}");
    }
}

#[tokio::test]
async fn s2_3_history_has_checks_and_updates() {
    let stack = stack().await;
    let data = stack.client.get("/api/history?limit=7").await.json()["data"].clone();
    let expected = json!({
        "count": 2,
        "history": [
            { "timestamp": "2026-07-23T09:46:40.005Z", "type": "update", "container_name": "web", "status": "success",
              "from_version": "1", "to_version": "2", "success": true },
            { "timestamp": "2026-07-23T09:46:40.005Z", "type": "check", "container_name": "web",
              "status": "up_to_date", "current_version": "1", "latest_version": "2" },
        ],
    });
    assert_eq!(data, expected);
    stack.client.get("/api/history?type=check").await;
    stack.client.get("/api/history?type=nothing").await;
    let calls = stack.world.calls.lock().unwrap().clone();
    assert!(calls[0].contains("limit: 7, kind: Unspecified"), "{calls:?}");
    assert!(calls[1].contains("limit: 100, kind: Check") && calls[2].contains("kind: Unspecified"), "{calls:?}");
}

#[tokio::test]
async fn s2_3_history_is_cleared_only_with_a_number_of_days() {
    let stack = stack().await;
    let clear = |body: &'static str| stack.client.call(Method::DELETE, "/api/history/clear").body(body).send();
    let data = clear(r#"{"older_than_days":0}"#).await.json();
    assert_eq!(data["data"], json!({ "deleted": 3, "message": "History cleared" }));
    for body in ["", "{}", r#"{"older_than_days":"1"}"#, r#"{"older_than_days":-1}"#] {
        assert_eq!(clear(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(stack.world.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn s2_3_a_setting_is_a_text() {
    let stack = stack().await;
    let path = "/api/settings/history_retention_days";
    let expected = json!({ "key": "history_retention_days", "value": "30" });
    assert_eq!(stack.client.get(path).await.json()["data"], expected);
    let put = |path: &'static str, body: &'static str| stack.client.call(Method::PUT, path).body(body).send();
    assert_eq!(put(path, r#"{"value":"30"}"#).await.json()["data"], expected);
    for body in [r#"{"value":30}"#, "{}", r#"{"value":"x"}"#] {
        assert_eq!(put(path, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let unknown = stack.client.get("/api/settings/colour").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (400, &json!("unknown setting key: colour")));
}

#[tokio::test]
async fn s2_3_policies_have_both_members() {
    let stack = stack().await;
    let data = stack.client.get("/api/policies").await.json()["data"].clone();
    assert_eq!(
        data["containers"],
        json!({ "web": { "can_rollback": true, "last_operation_id": "op-1", "old_version": "1" } })
    );
    let policy = &data["global_policy"];
    assert_eq!((&policy["entity_type"], &policy["auto_rollback_enabled"]), (&json!("global"), &json!(true)));
    assert!(
        policy["health_check_required"].is_boolean() && policy["id"].is_number() && policy["created_at"].is_string()
    );
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
async fn s2_5_labels_are_those_of_the_running_container() {
    let stack = stack().await;
    let data = stack.client.get("/api/labels/web").await.json()["data"].clone();
    let expected =
        json!({ "container": "web", "labels": { "docksmith.ignore": "true" }, "source": "container_labels" });
    assert_eq!(data, expected);
    let unknown = stack.client.get("/api/labels/nobody").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (404, &json!("container not found: nobody")));
}
