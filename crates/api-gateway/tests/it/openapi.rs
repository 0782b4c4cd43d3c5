//! The document, against the router's table and against what the routes really answer.

mod shape;

use std::{collections::BTreeSet, sync::atomic::Ordering};

use homeport_api_gateway::Access;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    authority::{instance, out_of_scope},
    client::{Answer, GOOD},
    docksmith, plugin,
    stack::Stack,
};

/// Paths that many methods share, of whatever plugins there are.
const PROXIED: &str = "/plugins/{plugin}/{path}";
/// Where pages of plugins have their static files.
const FRAMED: &str = "/admin/custom_plugin/{plugin}/static/{path}";
/// Answers that never end by themselves, and one that wants a handshake.
const STREAMS: [&str; 3] = ["/api/events", "/events", "/ws"];

fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter()
            .map(move |(method, operation)| (method.to_uppercase().parse().unwrap(), path.clone(), operation))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

fn is_stream(path: &str) -> bool {
    STREAMS.contains(&path) || path.starts_with("/ws")
}

/// A GET of one of these is left open by the client as soon as its head is here.
async fn call(stack: &Stack, method: &Method, path: &str, credential: Option<&str>, body: &str) -> Answer {
    // Whoever tries every route signs out, too.
    stack.world.revoked.store(false, Ordering::SeqCst);
    let call = stack.client.call(method.clone(), path).credential(credential).body(body.to_owned());
    if is_stream(path.split('?').next().unwrap()) && *method == Method::GET {
        let (parts, _) = call.open().await.into_parts();
        return Answer { status: parts.status, headers: parts.headers, body: bytes::Bytes::new() };
    }
    call.send().await
}

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let stack = Stack::start().await;
    let document = stack.client.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let documented: BTreeSet<String> = operations(&document)
        .into_iter()
        .filter(|(_, path, _)| ![PROXIED, FRAMED].contains(&path.as_str()))
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let served: BTreeSet<String> = homeport_api_gateway::routes()
        .into_iter()
        .map(|route| format!("{} {}", route.method, route.path.replace("{*", "{")))
        .collect();
    assert_eq!(documented, served);
    for route in homeport_api_gateway::routes() {
        assert!(route.described, "{} {} does not say what it answers", route.method, route.path);
    }
}

#[tokio::test]
async fn the_static_files_of_pages_are_where_the_document_has_them() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    let entry = json!({ "Name": "a", "URI": "a", "UnixPath": path, "Enabled": true, "HasUI": true });
    std::fs::write(stack.api_json(), json!({ "Plugins": [entry] }).to_string()).unwrap();
    stack.until_served("a").await;
    let document = stack.client.get("/openapi.json").await.json();
    let item = document["paths"][FRAMED].as_object().expect("it is not there");
    assert_eq!(item.keys().collect::<Vec<_>>(), ["get", "head"]);
    let file = FRAMED.replace("{plugin}", "a").replace("{path}", "app.js");
    for (method, operation) in item {
        assert_eq!(operation["security"], json!([]), "{method}");
        let method = method.to_uppercase().parse().unwrap();
        let answer = stack.client.call(method, &file).credential(None).send().await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn every_operation_is_tried_without_authority_and_with_garbage() {
    let stack = Stack::start().await;
    let document = stack.client.get("/openapi.json").await.json();
    let mut faults = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let open = operation["security"] == json!([]);
        let target = instance(&path);
        if !open {
            let answer = call(&stack, &method, &target, None, "").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {target} without a credential");
            let answer = call(&stack, &method, &target, Some("Bearer scoped"), "").await;
            let allowed = matches!(target.as_str(), "/api/status" | "/tokens");
            assert!(allowed || answer.status == out_of_scope(&target), "{method} {target}: {}", answer.status);
        }
        let query = "?limit=-1&tail=%00&since=x&wait=%ff&cursor=%27&type=%F0%9F&timeout=99999999999999999999&t=%25";
        for garbage in ["", "\u{0}", "[1]", r#"{"containers":{}}"#, "{\"a\":", r#"{"name":[[[[[[]]]]]]}"#, "null"] {
            let answer = call(&stack, &method, &format!("{target}{query}"), Some(GOOD), garbage).await;
            let status = answer.status;
            let known = operation["responses"].get(status.as_str()).is_some()
                // The parts that the fakes do not have, and a request that is no handshake.
                || status == StatusCode::NOT_IMPLEMENTED
                || operation["responses"].get("default").is_some()
                || (is_stream(&path) && status == StatusCode::BAD_REQUEST);
            if !known {
                faults.insert(format!("{method} {target} with {garbage:?} answers {status}: {:?}", answer.body));
            }
        }
    }
    assert!(faults.is_empty(), "the description lacks these answers: {faults:#?}");
}

#[tokio::test]
async fn a_wide_scope_is_no_whole_credential() {
    let stack = Stack::start().await;
    for route in homeport_api_gateway::routes().into_iter().filter(|route| route.access == Access::Whole) {
        let target = instance(route.path);
        let answer = call(&stack, &route.method, &target, Some("Bearer root"), "{}").await;
        assert_eq!(answer.status, out_of_scope(&target), "{} {target} with a scope for everything", route.method);
    }
}

#[tokio::test]
async fn answers_have_the_documented_shape() {
    let stack = Stack::start().await;
    *stack.world.snapshot.lock().unwrap() = docksmith::snapshot();
    *stack.world.operations.lock().unwrap() = vec![docksmith::operation(1, "g")];
    let document = stack.client.get("/openapi.json").await.json();
    let (mut checked, mut faults) = (0, BTreeSet::new());
    for (method, path, operation) in operations(&document) {
        if path == PROXIED || is_stream(&path) {
            continue;
        }
        let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = call(&stack, &method, &instance(&path), Some(GOOD), &body).await;
        let response = &operation["responses"][answer.status.as_str()];
        let response = shape::resolve(&document, response);
        let schema = &response["content"]["application/json"]["schema"];
        if answer.status == StatusCode::NOT_IMPLEMENTED || schema.is_null() {
            continue;
        }
        if let Err(why) = shape::check(&document, schema, &answer.json(), "body") {
            faults.insert(format!("{method} {path} answers {}: {why} in {}", answer.status, answer.text()));
        }
        checked += usize::from(answer.status.is_success());
    }
    assert!(faults.is_empty(), "these are not what the description says: {faults:#?}");
    assert!(checked >= 40, "only {checked} answers could be compared");
}

#[tokio::test]
async fn plugins_describe_themselves() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    let entries = json!({ "Plugins": [
        { "Name": "a", "URI": "a/b", "UnixPath": path, "Enabled": true, "OpenAPI": "/openapi.json" },
        { "Name": "gone", "URI": "gone", "UnixPath": "/state/plugins/gone", "Enabled": true, "OpenAPI": "/openapi.json" },
        { "Name": "odd", "URI": "odd", "UnixPath": path, "Enabled": true, "OpenAPI": "/teapot" },
    ] });
    std::fs::write(stack.api_json(), entries.to_string()).unwrap();
    stack.until_served("odd").await;
    let document = stack.client.get("/openapi.json").await.json();
    let operation = &document["paths"]["/plugins/a/b/framed"]["get"];
    assert_eq!(operation["tags"], json!(["Plugins: a/b"]), "{document}");
    assert_eq!(document["components"]["schemas"]["a_b.Frame"]["type"], "object");
    assert!(document["paths"]["/api/status"]["get"].is_object(), "a plugin that is gone takes nothing away");
    assert!(document["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/plugins/odd")));
}

#[tokio::test]
async fn the_page_is_whole_and_loads_nothing_from_elsewhere() {
    let stack = Stack::start().await;
    let page = stack.client.call(Method::GET, "/docs").credential(None).send().await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.text().contains("://"), "the page refers to another server");
    for file in ["app.js", "style.css"] {
        assert!(page.text().contains(&format!("\"docs/{file}\"")));
        let answer = stack.client.call(Method::GET, &format!("/docs/{file}")).credential(None).send().await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.text().contains("://"), "{file} refers to another server");
    }
    let other = stack.client.call(Method::GET, "/docs/other.js").credential(None).send().await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
