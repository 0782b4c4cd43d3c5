//! Contract, section 2.6: scripts.

use http::{Method, StatusCode};
use serde_json::json;

use super::stack;

#[tokio::test]
async fn s2_6_scripts_and_assignments_are_listed() {
    let stack = stack().await;
    let data = stack.client.get("/api/scripts").await.json()["data"].clone();
    let script = json!({
        "name": "ask.sh", "path": "/scripts/web/ask.sh", "relative_path": "web/ask.sh", "executable": true, "size": 7,
        "modified_time": null,
    });
    assert_eq!(data, json!({ "scripts": [script], "count": 1 }));
    let data = stack.client.get("/api/scripts/assigned").await.json()["data"].clone();
    assert_eq!(data["count"], 1);
    assert_eq!(data["assignments"][0]["container_name"], "web");
    assert_eq!(data["assignments"][0]["assigned_by"], "ada");
}

#[tokio::test]
async fn s2_6_a_script_is_assigned_in_either_spelling() {
    let stack = stack().await;
    let assign = |body: &'static str| stack.client.call(Method::POST, "/api/scripts/assign").body(body).send();
    for body in [
        r#"{"container_name":"web","script_path":"web/ask.sh"}"#,
        r#"{"container":"web","script":"web/ask.sh"}"#,
        r#"{"Container_Name":"web","SCRIPT_PATH":"web/ask.sh"}"#,
    ] {
        let data = assign(body).await.json()["data"].clone();
        assert_eq!(
            (&data["success"], &data["container"], &data["script"]),
            (&json!(true), &json!("web"), &json!("web/ask.sh"))
        );
        assert!(data["message"].as_str().unwrap().contains("assigned successfully"), "{data}");
    }
    let missing = assign(r#"{"container_name":"web"}"#).await;
    assert_eq!(missing.status, StatusCode::BAD_REQUEST);
    assert_eq!(missing.json()["error"], "container_name and script_path are required");
    let gone = assign(r#"{"container_name":"web","script_path":"gone.sh"}"#).await;
    assert_eq!(gone.status, StatusCode::BAD_REQUEST);
    assert!(gone.json()["error"].as_str().unwrap().contains("script validation failed"), "{}", gone.json());
}

#[tokio::test]
async fn s2_6_an_assignment_is_taken_away_once() {
    let stack = stack().await;
    let unassign = |name: &str| stack.client.call(Method::DELETE, &format!("/api/scripts/assign/{name}")).send();
    let data = unassign("web").await.json()["data"].clone();
    assert!(data["message"].as_str().unwrap().contains("unassigned successfully"), "{data}");
    assert_eq!(unassign("nobody").await.status, StatusCode::NOT_FOUND);
}
