//! What web pages of other sites may and may not do.

use http::{Method, StatusCode};

use crate::stack::Stack;

const UPDATE: &str = r#"{"container_name":"web"}"#;

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let stack = Stack::start().await;
    let cases = [
        (Method::POST, "/api/update", "origin", "http://evil.example"),
        (Method::POST, "/api/update", "origin", "null"),
        (Method::POST, "/api/update", "sec-fetch-site", "cross-site"),
        (Method::POST, "/auth/login", "origin", "http://evil.example"),
        (Method::PUT, "/tokens", "origin", "https://evil.example"),
        (Method::GET, "/api/check", "sec-fetch-site", "cross-site"),
        (Method::HEAD, "/api/check", "sec-fetch-site", "cross-site"),
        (Method::GET, "/api/container/web/recheck", "origin", "http://evil.example"),
        (Method::DELETE, "/plugins/a/x", "origin", "http://evil.example"),
    ];
    for (method, path, name, value) in cases {
        let answer = stack.client.call(method.clone(), path).header(name, value).body(UPDATE).send().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {name}: {value}");
    }
    assert!(stack.world.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn own_pages_and_programs_do() {
    let stack = Stack::start().await;
    let own = format!("http://{}", stack.client.address());
    for origin in [own.as_str(), "http://localhost:5173", "http://127.0.0.1:3000"] {
        let call = stack.client.call(Method::POST, "/api/update").header("origin", origin).body(UPDATE);
        assert_eq!(call.send().await.status, StatusCode::OK, "{origin}");
    }
    let read = stack.client.call(Method::GET, "/api/status").header("sec-fetch-site", "cross-site");
    assert_eq!(read.send().await.status, StatusCode::OK, "reading changes nothing, and the answer stays unreadable");
}

#[tokio::test]
async fn only_local_pages_may_read_answers() {
    let stack = Stack::start().await;
    let local = stack.client.call(Method::GET, "/api/status").header("origin", "http://localhost:5173").send().await;
    assert_eq!(local.header("access-control-allow-origin"), Some("http://localhost:5173"));
    let foreign = stack.client.call(Method::GET, "/api/status").header("origin", "http://evil.example").send().await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let preflight = stack
        .client
        .call(Method::OPTIONS, "/api/update")
        .credential(None)
        .header("origin", "http://localhost:5173")
        .header("access-control-request-method", "POST")
        .send()
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST, PUT, DELETE, OPTIONS"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("Content-Type, Authorization"));
    assert_eq!(preflight.header("access-control-max-age"), Some("86400"));
    let plain = stack.client.call(Method::OPTIONS, "/tokens").credential(None).send().await;
    assert_eq!(plain.status, StatusCode::UNAUTHORIZED, "no preflight, no exception");
}

#[tokio::test]
async fn every_answer_is_careful_and_has_an_id() {
    let stack = Stack::start().await;
    for path in ["/healthz", "/api/status", "/nothing", "/auth/me"] {
        let answer = stack.client.get(path).await;
        assert_eq!(answer.values("x-content-type-options"), ["nosniff"], "{path}");
        assert_eq!(answer.values("x-frame-options"), ["DENY"], "{path}");
        assert_eq!(answer.values("cache-control").len(), 1, "{path}");
        let id = answer.header("x-correlation-id").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    let call = |id: &str| stack.client.call(Method::GET, "/healthz").header("x-correlation-id", id).send();
    assert_eq!(call("my-id.1").await.header("x-correlation-id"), Some("my-id.1"));
    let (strange, long) = (call("a b{}").await, call(&"x".repeat(65)).await);
    assert_eq!(strange.header("x-correlation-id").unwrap().len(), 16);
    assert_eq!(long.header("x-correlation-id").unwrap().len(), 16);
}

#[tokio::test]
async fn the_trace_goes_on_to_the_services() {
    let stack = Stack::start().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    stack.client.call(Method::GET, "/status").header("traceparent", trace).send().await;
    let seen = stack.world.traces.lock().unwrap().clone();
    assert!(seen.iter().any(|seen| seen.contains("0af7651916cd43dd8448eb211c80319c") && seen != trace), "{seen:?}");
}
