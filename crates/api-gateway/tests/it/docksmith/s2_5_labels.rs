//! Contract, section 2.5: labels.

use http::StatusCode;
use serde_json::json;

use super::stack;

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

#[tokio::test]
async fn s2_5_labels_are_set_in_both_spellings() {
    let stack = stack().await;
    for body in [
        r#"{"container":"web","ignore":true,"version_min":"","no_restart":true}"#,
        r#"{"container":"web","labels":{"docksmith.ignore":"true","docksmith.version-min":""},"no_restart":true}"#,
    ] {
        let data = stack.client.post("/api/labels/set", body).await.json()["data"].clone();
        let expected = json!({
            "success": true, "container": "web", "operation": "set", "operation_id": "op-l",
            "labels_modified": { "docksmith.ignore": "true" }, "labels_removed": ["docksmith.version-min"],
            "compose_file": "/stacks/site/compose.yaml", "restarted": false, "no_restart": true, "pre_check_ran": false,
            "message": "Operation started",
        });
        assert_eq!(data, expected, "{body}");
    }
    let calls = stack.world.calls.lock().unwrap().clone();
    assert_eq!(calls[0], calls[1]);
    assert!(calls[0].contains(r#"requested_by: "admin""#), "{}", calls[0]);
}

#[tokio::test]
async fn s2_5_labels_are_removed_in_both_spellings() {
    let stack = stack().await;
    for body in [
        r#"{"container":"web","label_names":["docksmith.ignore"]}"#,
        r#"{"container":"web","labels":["docksmith.ignore"]}"#,
    ] {
        let data = stack.client.post("/api/labels/remove", body).await.json()["data"].clone();
        assert_eq!((&data["operation"], &data["labels_modified"]), (&json!("remove"), &json!({})), "{body}");
        assert_eq!(data["labels_removed"], json!(["docksmith.ignore"]));
    }
}

#[tokio::test]
async fn s2_5_several_are_answered_each_by_itself() {
    let stack = stack().await;
    let body = r#"{"operations":[{"container":"web","ignore":true},{"ignore":true},{"container":"nobody","ignore":true},
        {"container":"db"}]}"#;
    let data = stack.client.post("/api/labels/batch", body).await.json()["data"].clone();
    let expected = json!({ "batch_group_id": "group-l", "results": [
        { "container": "web", "success": true, "operation_id": "op-m" },
        { "container": "", "success": false, "error": "container name required" },
        { "container": "nobody", "success": false, "error": "container not found: nobody" },
        { "container": "db", "success": false, "error": "no labels specified" },
    ] });
    assert_eq!(data, expected);
    let body = r#"{"batch_group_id":"group-l","container_names":["web"]}"#;
    let data = stack.client.post("/api/labels/rollback", body).await.json()["data"].clone();
    let result = json!({ "container": "web", "success": true, "operation_id": "op-b" });
    assert_eq!(data, json!({ "batch_group_id": "group-b", "results": [result] }));
}

#[tokio::test]
async fn s2_5_what_is_wrong_is_said() {
    let stack = stack().await;
    for (path, body, status, words) in [
        ("/api/labels/set", "{}", 400, "container is required"),
        ("/api/labels/set", r#"{"container":"web"}"#, 400, "no labels specified"),
        ("/api/labels/set", r#"{"container":"nobody","ignore":true}"#, 404, "not found"),
        ("/api/labels/set", r#"{"container":"lone","ignore":true}"#, 500, "is not managed by docker compose"),
        ("/api/labels/set", r#"{"container":"web","ignore":"yes"}"#, 400, "invalid request body"),
        ("/api/labels/remove", r#"{"container":"web"}"#, 400, "no labels specified"),
        ("/api/labels/batch", "{}", 400, "no operations specified"),
        ("/api/labels/rollback", "{}", 400, "batch_group_id or operation_ids required"),
        ("/api/labels/rollback", r#"{"batch_group_id":"none"}"#, 400, "no rollbackable label operations found"),
    ] {
        let answer = stack.client.post(path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}");
        assert!(answer.json()["error"].as_str().unwrap().contains(words), "{path} {body}");
    }
    assert_eq!(stack.client.get("/api/labels/web").await.status, StatusCode::OK);
}
