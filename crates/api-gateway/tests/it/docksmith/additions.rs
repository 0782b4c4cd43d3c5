//! What Homeport adds to the API.

use http::StatusCode;
use serde_json::json;

use super::stack;

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
async fn plans_of_many_are_one_answer() {
    let stack = stack().await;
    let body = r#"{"containers":["web",{"name":"unknown","target_version":"2","force":false}],"force":true}"#;
    let plans = &stack.client.post("/api/plan/batch", body).await.json()["data"]["plans"];
    assert_eq!((&plans[0]["container_name"], &plans[0]["hash"]), (&json!("web"), &json!("0123")));
    assert_eq!(plans[1], json!({ "container_name": "unknown", "error": "no such container" }));
    let calls = stack.world.calls.lock().unwrap().join("\n");
    assert!(calls.contains(r#"container: "web", target_version: "", force: true"#), "said for all: {calls}");
    assert!(calls.contains(r#"container: "unknown", target_version: "2", force: false"#), "its own: {calls}");
    for body in [r#"{"containers":[]}"#, r#"{"containers":[{"force":true}]}"#, r#"{"containers":"web"}"#, "{}"] {
        assert_eq!(stack.client.post("/api/plan/batch", body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
}
