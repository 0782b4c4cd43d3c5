//! No route without a credential, none with too little of one.

use std::{sync::atomic::Ordering, time::Duration};

use homeport_proto::auth::v1::{self as auth, Verb};
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

/// What a credential for something else is answered with. To clients of SPR and the supervisor it is as good as none.
pub(crate) fn out_of_scope(path: &str) -> StatusCode {
    let is_told = ["/api", "/auth"].iter().any(|base| path.starts_with(base));
    if is_told { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED }
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
        // A passkey says who somebody is.
        "PUT /webauthn/login",
        "POST /webauthn/login",
        // Open to HTTP alone: the first message on the websocket must be a credential.
        "GET /ws",
        "GET /ws_events_all",
        // It says whether there is a first password to be replaced, and no more.
        "GET /setup",
        "GET /api/version",
        // Whoever has the words has no token yet.
        "POST /auth/new_device/authorize",
        "POST /auth/recovery_token/use",
        "GET /healthz",
        // Whoever signs in elsewhere has none here.
        "GET /auth/oidc/login",
        "GET /auth/oidc/callback",
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
        assert!(allowed || answer.status == out_of_scope(&path), "{} {path}: {}", route.method, answer.status);
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
    assert_eq!(send(&stack, &Method::GET, "/metrics", Some("Bearer scoped")).await.status, StatusCode::UNAUTHORIZED);
    // Its scope covers /tokens, but with that it could make itself a token without any.
    let answer = stack
        .client
        .call(Method::PUT, "/tokens")
        .credential(Some("Bearer scoped"))
        .body(r#"{"Name":"all"}"#)
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
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

/// Waits until the gateway believes good answers again, and returns how many it has asked for by then.
async fn until_believed(stack: &Stack) -> usize {
    let believed = async {
        loop {
            let before = stack.world.authorized.load(Ordering::SeqCst);
            stack.client.get("/status").await;
            stack.client.get("/status").await;
            if stack.world.authorized.load(Ordering::SeqCst) == before {
                return before;
            }
        }
    };
    tokio::time::timeout(crate::stack::PATIENCE, believed).await.expect("it always asks")
}

#[tokio::test]
async fn a_good_answer_is_believed_until_auth_says_otherwise() {
    let stack = Stack::start().await;
    let asked = until_believed(&stack).await;
    let others = auth::WatchRevocationsResponse { user_ids: vec!["bob".to_owned()], ..Default::default() };
    stack.world.revocations.send(others).unwrap();
    assert_eq!(stack.client.get("/status").await.status, StatusCode::OK);
    assert_eq!(stack.world.authorized.load(Ordering::SeqCst), asked, "what ended is somebody else's");
    stack.world.revoked.store(true, Ordering::SeqCst);
    let ended = auth::WatchRevocationsResponse { credential_ids: vec!["session".to_owned()], ..Default::default() };
    let started = std::time::Instant::now();
    stack.world.revocations.send(ended).unwrap();
    while stack.client.get("/status").await.status != StatusCode::UNAUTHORIZED {
        assert!(started.elapsed() < Duration::from_secs(1), "a revoked credential is good for too long");
    }
}

#[tokio::test]
async fn nothing_is_believed_while_auth_is_not_heard() {
    let stack = Stack::start().await;
    until_believed(&stack).await;
    stack.world.silent.store(true, Ordering::SeqCst);
    // Nothing is told: only the silence says that the answer may be outdated.
    stack.world.revoked.store(true, Ordering::SeqCst);
    let started = std::time::Instant::now();
    while stack.client.get("/status").await.status != StatusCode::UNAUTHORIZED {
        assert!(started.elapsed() < Duration::from_millis(1200), "what may have ended is believed for too long");
    }
}

#[tokio::test]
async fn each_role_reaches_what_it_may() {
    let stack = Stack::start().await;
    for route in homeport_api_gateway::routes().into_iter().filter(|route| !route.open) {
        let path = instance(route.path);
        let needed = match route.verb {
            Verb::Read => 0,
            Verb::Unspecified if route.method == Method::GET => 0,
            Verb::Unspecified | Verb::Operate => 1,
            Verb::Administer => 2,
        };
        for (rank, role) in ["viewer", "operator"].into_iter().enumerate() {
            if rank < needed {
                let answer = send(&stack, &route.method, &path, Some(&format!("Bearer {role}"))).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {path} as {role}", route.method);
            }
        }
    }
    for (method, path, role) in [
        (Method::GET, "/tokens", "operator"),
        (Method::GET, "/api/check", "viewer"),
        (Method::POST, "/api/update", "viewer"),
        (Method::DELETE, "/api/volumes/data", "operator"),
        (Method::GET, "/api/containers/web/inspect?secrets=true", "operator"),
    ] {
        let answer = send(&stack, &method, path, Some(&format!("Bearer {role}"))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} as {role}");
    }
    let read = send(&stack, &Method::GET, "/api/status", Some("Bearer viewer")).await;
    assert_eq!(read.status, StatusCode::OK);
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
        let first = credential.split([',', ';']).next().unwrap_or_default();
        let stated = match first {
            "read" | "own" => Verb::Read,
            "admin" | "whole" => Verb::Administer,
            _ => Verb::Unspecified,
        };
        assert_eq!(stated, route.verb, "{line}");
    }
    let known = homeport_api_gateway::routes();
    for line in page.lines().filter(|line| line.starts_with("| `") && line.contains(" /")) {
        let name = line.split('`').nth(1).unwrap();
        let is_route = known.iter().any(|route| name == format!("{} {}", route.method, route.path));
        assert!(is_route, "docs/api.md knows a route that is not there: {name}");
    }
}
