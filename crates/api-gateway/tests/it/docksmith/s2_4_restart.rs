//! Contract, section 2.4: restarts.

use http::StatusCode;
use serde_json::json;

use super::stack;

#[tokio::test]
async fn s2_4_restarts_are_waited_for_and_say_what_followed() {
    let stack = stack().await;
    for (path, body, name) in [
        ("/api/restart", r#"{"container_name":"web"}"#, "web"),
        ("/api/restart/container/web?force=true", "", "web"),
        ("/api/restart/stack/site", "", "site"),
    ] {
        let answer = stack.client.post(path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let expected = json!({
            "success": true, "message": format!("Restarted {name} successfully"), "container_names": ["web"],
            "dependents_restarted": ["api"], "operation_id": "op-r",
        });
        assert_eq!(answer.json()["data"], expected, "{path}");
    }
    let calls = stack.world.calls.lock().unwrap().join("\n");
    assert!(calls.contains("seconds: 60") && calls.contains("seconds: 120"), "{calls}");
    assert_eq!(calls.matches("force: true").count(), 1, "{calls}");
}

#[tokio::test]
async fn s2_4_what_a_script_refused_offers_force() {
    let stack = stack().await;
    let refused = stack.client.post("/api/restart/container/refused", "").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    let body = refused.json();
    assert_eq!(body["error"], "refused: script exited with code 1: no (use force to skip)");
    assert_eq!((&body["data"]["dependents_blocked"], &body["data"]["success"]), (&json!(["api"]), &json!(false)));
    let body = stack.client.post("/api/restart", r#"{"container":"refused"}"#).await.json();
    assert_eq!(body["error"], "refused: script exited with code 1: no");
    let slow = stack.client.post("/api/restart/container/slow", "").await;
    assert_eq!(slow.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(slow.json()["data"]["operation_id"], "op-r", "it goes on");
}

#[tokio::test]
async fn s2_4_restarts_that_are_not_waited_for_answer_at_once() {
    let stack = stack().await;
    let data = stack.client.post("/api/restart/start/web?force=true", "").await.json()["data"].clone();
    let expected = json!({ "operation_id": "op-r", "container_name": "web", "force": true, "status": "started" });
    assert_eq!(data, expected);
    let body = r#"{"containers":["web"]}"#;
    let data = stack.client.post("/api/restart/stack/start/site", body).await.json()["data"].clone();
    let expected = json!({ "operation_id": "op-r", "stack_name": "site", "force": false, "status": "started" });
    assert_eq!(data, expected);
    for (path, body, status, words) in [
        ("/api/restart", "{}", 400, "container_name is required"),
        ("/api/restart", r#"{"container":"nobody"}"#, 404, "not found"),
        ("/api/restart/container/nobody", "", 404, "not found"),
        ("/api/restart/start/nobody", "", 404, "not found"),
        ("/api/restart/stack/none", "", 404, "no containers found in stack: none"),
        ("/api/restart/stack/start/site", r#"{"containers":[]}"#, 400, "at least one container name is required"),
    ] {
        let answer = stack.client.post(path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(answer.json()["error"].as_str().unwrap().contains(words), "{path}");
    }
}

#[tokio::test]
async fn s2_4_an_update_lock_is_a_423() {
    let stack = stack().await;
    let cases = [
        ("/api/restart/container/locked", "", 423),
        ("/api/restart", r#"{"container_name":"locked"}"#, 423),
        ("/api/restart/container/locked?force=true", "", 200),
        ("/api/containers/locked/stop", "", 423),
        ("/api/containers/locked/stop?force=true", "", 200),
        ("/api/containers/locked/start", "", 200),
    ];
    for (path, body, status) in cases {
        let answer = stack.client.post(path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
        if status == 423 {
            let body = answer.json();
            assert_eq!(body["error_code"], "LOCKED", "{path}");
            assert!(body["error"].as_str().unwrap().contains("Lockfile exists"), "{body}");
        }
    }
}
