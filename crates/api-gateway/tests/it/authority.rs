//! No route without a credential, none with too little of one.

use std::{sync::atomic::Ordering, time::Duration};

use http::{Method, StatusCode};

use crate::{
    client::{Answer, GOOD},
    plugin,
    stack::Stack,
};

/// A path that a template stands for.
pub(crate) fn instance(template: &str) -> String {
    let fixed = [
        ("{name}", "web"),
        ("{id}", "op-1"),
        ("{*id}", "a/b"),
        ("{key}", "k"),
        ("{action}", "stop"),
        ("{*image}", "library/nginx"),
        ("{image}", "library/nginx"),
        ("{container}", "web"),
        ("{file}", "app.js"),
        ("{plugin}", "hello"),
        ("{path}", "x/y"),
    ];
    fixed.iter().fold(template.to_owned(), |path, (part, value)| path.replace(part, value))
}

async fn send(stack: &Stack, method: &Method, path: &str, credential: Option<&str>) -> Answer {
    stack.client.call(method.clone(), path).credential(credential).send().await
}

#[tokio::test]
async fn every_route_needs_a_credential_unless_it_is_named_open() {
    let stack = Stack::start().await;
    let open: Vec<_> = homeport_api_gateway::routes().into_iter().filter(|route| route.open).collect();
    let named: Vec<_> = open.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let expected = [
        "POST /auth/login",
        "POST /api/auth/login",
        "GET /cert",
        // Open to HTTP alone: the first message on the websocket must be a credential.
        "GET /ws",
        "GET /ws_events_all",
        "GET /healthz",
        "GET /.well-known/acme-challenge/{token}",
        // A page without data, and its script and style.
        "GET /docs",
        "GET /docs/{file}",
    ];
    assert_eq!(named, expected, "an open route is a decision");
    let closed = homeport_api_gateway::routes().into_iter().filter(|route| !route.open);
    let mut count = 0;
    for route in closed {
        let path = instance(route.path);
        for credential in [None, Some("Bearer bad"), Some("Basic YTpi"), Some("nonsense"), Some("")] {
            let answer = send(&stack, &route.method, &path, credential).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{} {path} with {credential:?}", route.method);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"homeport\""));
        }
        let answer = send(&stack, &route.method, &path, Some("Bearer scoped")).await;
        let allowed = matches!(path.as_str(), "/api/status" | "/tokens");
        assert!(allowed || answer.status == StatusCode::FORBIDDEN, "{} {path}: {}", route.method, answer.status);
        count += 1;
    }
    assert!(count >= 20, "the table shrank to {count} routes");
}

#[tokio::test]
async fn what_is_nowhere_needs_one_too() {
    let stack = Stack::start().await;
    for path in ["/", "/nothing", "/api/nothing", "/plugins/nothing/", "/healthz/x", "/auth/nothing", "/.env"] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::HEAD] {
            let answer = send(&stack, &method, path, None).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
        let answer = send(&stack, &Method::GET, path, Some(GOOD)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    // A path that is open with one method is not open with another, and no spelling of a path opens another.
    for (method, path) in [
        (Method::DELETE, "/healthz"),
        (Method::GET, "/auth/login"),
        (Method::GET, "/healthz/../api/status"),
        (Method::GET, "//healthz"),
        (Method::GET, "/%68ealthz"),
        (Method::POST, "/auth/login/"),
    ] {
        let answer = send(&stack, &method, path, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_are_those_of_the_dialect() {
    let stack = Stack::start().await;
    let docksmith = send(&stack, &Method::GET, "/api/status", None).await.json();
    assert_eq!(docksmith["success"], false);
    assert_eq!(docksmith["error"], "Unauthorized");
    assert_eq!(docksmith["error_code"], "UNAUTHORIZED");
    assert_eq!(docksmith["error_detail"]["code"], "UNAUTHORIZED");
    let homelabarr = send(&stack, &Method::GET, "/auth/me", None).await.json();
    assert!(homelabarr["error"].is_string() && homelabarr["details"].is_string(), "{homelabarr}");
    let spr = send(&stack, &Method::GET, "/tokens", None).await;
    assert_eq!((spr.text(), spr.header("content-type")), ("Unauthorized\n", Some("text/plain; charset=utf-8")));
}

#[tokio::test]
async fn a_scoped_token_reaches_its_paths_alone() {
    let stack = Stack::start().await;
    assert_eq!(send(&stack, &Method::GET, "/api/status", Some("Bearer scoped")).await.status, StatusCode::OK);
    assert_eq!(send(&stack, &Method::GET, "/metrics", Some("Bearer scoped")).await.status, StatusCode::FORBIDDEN);
    // Its scope covers /tokens, but with that it could make itself a token without any.
    let answer = stack
        .client
        .call(Method::PUT, "/tokens")
        .credential(Some("Bearer scoped"))
        .body(r#"{"Name":"all"}"#)
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(stack.world.tokens.lock().unwrap().is_empty());
}

#[tokio::test]
async fn basic_credentials_work_and_two_credentials_do_not() {
    let stack = Stack::start().await;
    let basic = Some("Basic YWRtaW46cmlnaHQ=");
    assert_eq!(send(&stack, &Method::GET, "/status", basic).await.status, StatusCode::OK);
    let call = stack.client.call(Method::GET, "/status").header("authorization", "Bearer bad");
    assert_eq!(call.send().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_revoked_credential_is_refused_within_a_second() {
    let stack = Stack::start().await;
    for _ in 0..20 {
        assert_eq!(stack.client.get("/status").await.status, StatusCode::OK);
    }
    assert!(stack.world.authorized.load(Ordering::SeqCst) < 20, "a good answer is remembered for a moment");
    stack.world.revoked.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(stack.client.get("/status").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn auth_decides_about_the_path_that_is_served() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    stack.world.paths.lock().unwrap().clear();
    for sent in ["/plugins/a/x%2Fy", "/plugins/a/b/../c", "/plugins/a//c", "/plugins/a/%2e%2e/%2e%2e/tokens"] {
        stack.client.get(sent).await;
    }
    let decided = stack.world.paths.lock().unwrap().clone();
    assert_eq!(decided, ["GET /plugins/a/x/y", "GET /plugins/a/c", "GET /tokens"]);
}

#[test]
fn every_route_is_in_the_documentation_with_its_credential() {
    let page = include_str!("../../../../docs/api.md");
    for route in homeport_api_gateway::routes() {
        let name = format!("| `{} {}` | ", route.method, route.path);
        let line = page.lines().find(|line| line.starts_with(&name));
        let line = line.unwrap_or_else(|| panic!("docs/api.md has no line for {name}"));
        let credential = line[name.len()..].split(" |").next().unwrap();
        assert_eq!(matches!(credential, "–" | "first message"), route.open, "{line}");
    }
    let known = homeport_api_gateway::routes();
    for line in page.lines().filter(|line| line.starts_with("| `") && line.contains(" /")) {
        let name = line.split('`').nth(1).unwrap();
        let is_route = known.iter().any(|route| name == format!("{} {}", route.method, route.path));
        assert!(is_route, "docs/api.md knows a route that is not there: {name}");
    }
}
