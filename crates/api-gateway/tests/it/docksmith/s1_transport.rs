//! Contract, section 1: transport and envelope.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::stack;
use crate::stack::Stack;

/// The setting of the file with the token that stands for clients of this machine.
const LOOPBACK: &str = "HOMEPORT_GATEWAY__DOCKSMITH__LOOPBACK_TOKEN_FILE";

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == "2026-07-23T09:46:40.123Z".len() && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

#[tokio::test]
async fn s1_success_is_an_envelope() {
    let stack = stack().await;
    let answer = stack.client.get("/api/operations").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("application/json")));
    let body = answer.json();
    let keys: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["data", "success", "timestamp", "version"]);
    assert_eq!((&body["success"], body["data"].is_object()), (&json!(true), true));
    assert!(is_time(&body["timestamp"]) && body["version"].is_string(), "{body}");
}

#[tokio::test]
async fn s1_failure_is_an_envelope_whose_error_is_a_text() {
    let stack = stack().await;
    let cases = [
        (Method::GET, "/api/operations/none", "", 404, "NOT_FOUND"),
        (Method::POST, "/api/update", "{}", 400, "BAD_REQUEST"),
        (Method::POST, "/api/update", r#"{"container_name":"panic"}"#, 500, "INTERNAL"),
        (Method::GET, "/api/no/such/route", "", 404, "NOT_FOUND"),
        (Method::DELETE, "/api/status", "", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/api/update", "", 405, "METHOD_NOT_ALLOWED"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = stack.client.call(method.clone(), path).body(body).send().await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        let body = answer.json();
        let text = body["error"].as_str().unwrap();
        assert!(!text.is_empty(), "{body}");
        assert_eq!(body["error_detail"], json!({ "message": text, "code": code }));
        assert_eq!((&body["success"], &body["error_code"]), (&json!(false), &json!(code)));
        assert!(is_time(&body["timestamp"]) && body["version"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn s1_a_body_that_does_not_parse_is_a_400() {
    let stack = stack().await;
    let bodies = [
        "",
        " ",
        "{",
        "nonsense",
        "[]",
        r#"["web"]"#,
        "null",
        "7",
        r#""web""#,
        r#"{"container_name":7}"#,
        "\u{feff}{}",
    ];
    for path in ["/api/update", "/api/update/batch", "/api/rollback", "/api/plan", "/api/plan/batch"] {
        for body in bodies.iter().filter(|body| path == "/api/update" || !body.contains("container_name")) {
            let answer = stack.client.post(path, body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body:?}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(error.contains("invalid request body"), "{path} {body:?}: {error}");
        }
    }
    let answer =
        stack.client.call(Method::POST, "/api/update").body(&b"{\"container_name\":\"\xff\"}"[..]).send().await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "no UTF-8");
    let deep = format!("{}{}", r#"{"a":"#.repeat(5_000), "1".to_owned() + &"}".repeat(5_000));
    assert_eq!(stack.client.post("/api/update", &deep).await.status, StatusCode::BAD_REQUEST, "a bomb");
}

#[tokio::test]
async fn s1_keys_are_matched_in_any_case_and_unknown_ones_ignored() {
    let stack = stack().await;
    for (kind, body) in [
        ("application/json", r#"{"container_name":"web","nobody":{"knows":["this"]}}"#),
        ("text/plain", r#"{"CONTAINER_NAME":"web"}"#),
        ("application/x-www-form-urlencoded", r#"{"Container_Name":"web","container":null}"#),
    ] {
        let call = stack.client.call(Method::POST, "/api/update").header("content-type", kind).body(body);
        assert_eq!(call.send().await.status, StatusCode::OK, "{kind} {body}");
    }
    let without = stack.client.call(Method::POST, "/api/update").body(r#"{"container_name":"web"}"#);
    assert_eq!(without.send().await.status, StatusCode::OK, "no content type");
}

#[tokio::test]
async fn s1_integers_that_are_none_take_the_default() {
    let stack = stack().await;
    for (query, limit) in [
        ("", 20),
        ("?limit=", 20),
        ("?limit=0", 20),
        ("?limit=-3", 20),
        ("?limit=ten", 20),
        ("?limit=1.5", 20),
        ("?limit=7", 7),
        ("?limit=99999", 500),
    ] {
        stack.world.calls.lock().unwrap().clear();
        stack.client.get(&format!("/api/operations{query}")).await;
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(&format!("limit: {limit},")), "{query}: {call}");
    }
}

#[tokio::test]
async fn s1_a_request_has_an_id() {
    let stack = stack().await;
    let fresh = stack.client.get("/api/nothing").await.header("x-correlation-id").unwrap().to_owned();
    assert!(fresh.len() == 16 && fresh.bytes().all(|byte| byte.is_ascii_hexdigit()), "{fresh}");
    let call = stack.client.call(Method::POST, "/api/update").header("x-correlation-id", "abc-1").body("{");
    assert_eq!(call.send().await.header("x-correlation-id"), Some("abc-1"));
}

#[tokio::test]
async fn s1_every_options_is_a_204() {
    let stack = stack().await;
    for path in ["/api/status", "/api/update", "/api/no/such/route"] {
        let call = stack.client.call(Method::OPTIONS, path).credential(None).header("origin", "http://localhost:3000");
        let answer = call.send().await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, PUT, DELETE, OPTIONS"));
    }
    let other =
        stack.client.call(Method::OPTIONS, "/api/status").credential(None).header("origin", "https://a.example");
    assert_eq!(other.send().await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn s1_a_page_of_another_site_changes_nothing() {
    let stack = stack().await;
    for route in homeport_api_gateway::routes() {
        let acts = route.method != Method::GET;
        if !acts || !route.path.starts_with("/api/") {
            continue;
        }
        let path = crate::authority::instance(route.path);
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let call = stack.client.call(route.method.clone(), &path).header(name, value).body("{}");
            assert_eq!(call.send().await.status, StatusCode::FORBIDDEN, "{} {path} {name}", route.method);
        }
    }
    assert!(stack.world.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn s1_unknown_routes_and_methods_are_json() {
    let stack = stack().await;
    let unknown = stack.client.get("/api/nothing").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error_code"]), (404, &json!("NOT_FOUND")));
    let wrong = stack.client.call(Method::DELETE, "/api/status").send().await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["error_code"]), (405, &json!("METHOD_NOT_ALLOWED")));
    assert_eq!(wrong.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn s1_only_the_very_text_true_is_true() {
    let stack = stack().await;
    for (query, force) in
        [("true", true), ("1", false), ("yes", false), ("TRUE", false), ("True", false), ("", false), ("false", false)]
    {
        stack.world.calls.lock().unwrap().clear();
        stack.client.post(&format!("/api/restart/container/web?force={query}"), "").await;
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(&format!("force: {force}")), "{query}: {call}");
    }
}

#[tokio::test]
async fn s1_names_may_be_encoded_and_tags_may_have_slashes() {
    let stack = stack().await;
    for path in ["/api/container/we%62/recheck", "/api/containers/%77eb/inspect", "/api/registry/tags/ghcr.io%2Fo/i"] {
        assert_eq!(stack.client.get(path).await.status, StatusCode::OK, "{path}");
    }
    let answer = stack.client.get("/api/labels/no%20body%2Fx").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(stack.client.get("/api/labels/%zz").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn s1_a_huge_body_is_refused_in_the_envelope() {
    let stack = stack().await;
    let body = format!(r#"{{"container_name":"{}"}}"#, "x".repeat(1 << 20));
    let answer = stack.client.post("/api/update", &body).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (413, &json!("TOO_LARGE")));
    assert!(stack.world.calls.lock().unwrap().is_empty());
}

/// Whether a list or an object is missing where there should be an empty one.
fn nulls(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(path.to_owned()),
        Value::Object(map) => map.iter().for_each(|(key, value)| nulls(&format!("{path}.{key}"), value, found)),
        Value::Array(list) => list.iter().for_each(|value| nulls(path, value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn s1_what_is_empty_is_an_empty_list_and_never_null() {
    let stack = Stack::start().await;
    for (path, key) in [
        ("/api/status", "containers"),
        ("/api/status", "standalone_containers"),
        ("/api/status", "update_order"),
        ("/api/operations", "operations"),
        ("/api/operations/group/none", "operations"),
        ("/api/explorer", "standalone_containers"),
        ("/api/history", "history"),
        ("/api/scripts/assigned", "assignments"),
        ("/api/containers/web/inspect", "mounts"),
    ] {
        let body = stack.client.get(path).await.json();
        assert!(body["data"][key].is_array(), "{path} {key}: {body}");
    }
    for path in ["/api/status", "/api/operations", "/api/explorer", "/api/containers/web/inspect", "/api/policies"] {
        let mut found = Vec::new();
        nulls("", &stack.client.get(path).await.json()["data"], &mut found);
        assert_eq!(found, Vec::<String>::new(), "{path}");
    }
}

#[tokio::test]
async fn s1_a_token_stands_for_clients_of_this_machine_where_that_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "scoped\n").unwrap();
    let stack = Stack::with_settings(&[(LOOPBACK, file.to_str().unwrap())]).await;
    let get = |path: &'static str| stack.client.call(Method::GET, path).credential(None);
    assert_eq!(get("/api/status").send().await.status, StatusCode::OK);
    assert_eq!(get("/api/operations").send().await.status, StatusCode::FORBIDDEN, "it may do what the token may");
    assert_eq!(get("/tokens").send().await.status, StatusCode::UNAUTHORIZED, "the API of Docksmith alone");
    for (name, value) in [
        ("x-forwarded-for", "198.51.100.7"),
        ("host", "nas.example:8080"),
        ("origin", "https://evil.example"),
        ("authorization", "Bearer wrong"),
    ] {
        let status = get("/api/status").header(name, value).send().await.status;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let usual = Stack::start().await;
    let answer = usual.client.call(Method::GET, "/api/status").credential(None).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "by default everybody needs a credential");
    let missing = Stack::refused(&[(LOOPBACK, "/nowhere/token")]).await;
    assert!(missing.contains("docksmith.loopback_token_file"), "{missing}");
}
