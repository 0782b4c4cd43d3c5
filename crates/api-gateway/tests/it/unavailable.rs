//! Services that are away.

use http::StatusCode;
use serde_json::json;

use crate::stack::Stack;

#[tokio::test]
async fn a_missing_updater_is_said_in_words() {
    let stack = Stack::with(&[], &["auth", "docker-agent"]).await;
    for path in ["/api/status", "/api/operations", "/api/operations/x"] {
        let answer = stack.client.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.header("retry-after"), Some("2"));
        let body = answer.json();
        assert!(body["error"].as_str().unwrap().starts_with("updater cannot be reached"), "{body}");
        assert_eq!(body["error_code"], "UNAVAILABLE");
    }
    let health = stack.client.get("/api/health").await.json();
    assert_eq!((&health["status"], &health["data"]["services"]["storage"]), (&json!("degraded"), &json!(false)));
}

#[tokio::test]
async fn a_missing_docker_agent_is_said_in_words() {
    let stack = Stack::with(&[], &["auth", "updater"]).await;
    let answer = stack.client.get("/api/docker-config").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.json()["error"].as_str().unwrap().starts_with("docker-agent cannot be reached"));
}

#[tokio::test]
async fn without_auth_nobody_passes() {
    let stack = Stack::with(&[], &["updater"]).await;
    for path in ["/api/status", "/tokens", "/plugins/a/", "/nothing"] {
        let answer = stack.client.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(stack.client.get("/healthz").await.status, StatusCode::SERVICE_UNAVAILABLE, "it tells who is away");
}
