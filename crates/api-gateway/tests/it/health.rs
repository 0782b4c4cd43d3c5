//! Whether it lives, and what it counts.

use http::{Method, StatusCode};
use serde_json::json;

use crate::stack::Stack;

#[tokio::test]
async fn the_gateway_is_healthy_while_it_serves() {
    let stack = Stack::with(&[], &["auth"]).await;
    let plain = stack.client.call(Method::GET, "/healthz").credential(None).send().await;
    assert_eq!((plain.status, plain.json()), (StatusCode::OK, json!({ "status": "ok" })));
    let verbose = stack.client.call(Method::GET, "/healthz?verbose").credential(None).send().await;
    assert_eq!(verbose.status, StatusCode::SERVICE_UNAVAILABLE);
    let expected = json!({
        "status": "degraded",
        "services": { "bus": "not serving", "auth": "serving", "docker-agent": "not serving", "updater": "not serving" },
    });
    assert_eq!(verbose.json(), expected);
}

#[tokio::test]
async fn all_services_are_listed_for_whoever_may_know() {
    let stack = Stack::start().await;
    let answer = stack.client.get("/healthz").await;
    assert_eq!((answer.status, &answer.json()["services"]["updater"]), (StatusCode::OK, &json!("serving")));
}

#[tokio::test]
async fn metrics_tell_routes_apart_and_paths_not() {
    let stack = Stack::start().await;
    stack.client.get("/api/container/some-name/recheck").await;
    stack.client.get("/some/invented/path").await;
    let answer = stack.client.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for wanted in [
        r#"homeport_http_requests_total{method="GET",route="/api/container/{name}/recheck",status="404"}"#,
        r#"homeport_http_requests_total{method="GET",route="unmatched",status="404"}"#,
        r#"homeport_http_request_duration_seconds_bucket{method="GET",route="/api/container/{name}/recheck""#,
        r#"homeport_service_up{service="updater"}"#,
        "process_resident_memory_bytes ",
        "homeport_http_connections ",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    assert!(!text.contains("some-name") && !text.contains("invented"));
}
