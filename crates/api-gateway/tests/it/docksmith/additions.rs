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
