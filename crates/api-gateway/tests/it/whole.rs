//! What could be used to raise a credential: it takes one that is limited to nothing, and the second factor.

use std::sync::atomic::Ordering;

use homeport_api_gateway::{Access, RouteInfo};
use homeport_proto::auth::v1::Verb;
use http::{Method, StatusCode};

use crate::{
    authority::{instance, out_of_scope},
    client::GOOD,
    stack::Stack,
};

/// Where accounts, credentials and what runs with the rights of the whole are changed, also below `/api`.
const FAMILIES: [&str; 10] = [
    "/auth/register",
    "/auth/users",
    "/auth/import",
    "/auth/factors",
    "/auth/tokens",
    "/auth/new_device",
    "/auth/recovery_token",
    "/auth/supervisor_keys",
    "/tokens",
    "/plugin",
];

/// Routes in a family that need no whole credential.
const SPARED: [&str; 5] = [
    // Whoever has the words has no token yet.
    "POST /auth/new_device/authorize",
    "POST /auth/recovery_token/use",
    // The caller's own token gets another secret, and may do no more than before.
    "POST /auth/tokens",
    // The token reaches one plugin, and acts for whoever asked.
    "PUT /plugin/ui_session",
    "DELETE /plugin/ui_session/{id}",
];

/// What administrators change with a credential for that path alone: it makes nothing that is worth more.
const LIMITED: [&str; 15] = [
    "DELETE /api/volumes/{name}",
    "POST /api/prune/volumes",
    "POST /api/prune/system",
    "DELETE /api/history/clear",
    "PUT /api/settings/{key}",
    // Which of the scripts that lie there.
    "POST /api/scripts/assign",
    "DELETE /api/scripts/assign/{container}",
    // What a plugin gets beyond itself takes the password in the same request, a token of its own a whole credential.
    "PUT /plugins_api/{name}",
    "DELETE /plugins_api/{name}",
    "PUT /autoupdate",
    "DELETE /autoupdate",
    "PUT /checkupdates",
    "DELETE /checkupdates",
    // It takes the first password, which has no scopes.
    "PUT /setup",
    "PUT /setup_done",
];

/// Of the whole ones those that a person with a second factor must have shown it for: they make or change what lasts.
const FACTOR: [&str; 17] = [
    "POST /auth/register",
    "POST /api/auth/register",
    "POST /auth/users",
    "POST /api/auth/users",
    "PUT /auth/users/{userId}",
    "PUT /api/auth/users/{userId}",
    "DELETE /auth/users/{userId}",
    "DELETE /api/auth/users/{userId}",
    "PUT /auth/users/{userId}/password",
    "PUT /api/auth/users/{userId}/password",
    "POST /auth/import",
    "POST /api/auth/import",
    "POST /auth/api-keys",
    "POST /api/auth/api-keys",
    "PUT /auth/supervisor_keys",
    "PUT /auth/supervisor_keys/withdrawn",
    "DELETE /auth/supervisor_keys",
];

fn name(route: &RouteInfo) -> String {
    format!("{} {}", route.method, route.path)
}

fn changing() -> impl Iterator<Item = RouteInfo> {
    homeport_api_gateway::routes().into_iter().filter(|route| route.method != Method::GET)
}

#[test]
fn what_makes_credentials_or_changes_accounts_is_whole() {
    let mut count = 0;
    for route in changing().filter(|route| !SPARED.contains(&name(route).as_str())) {
        let path = route.path.strip_prefix("/api").unwrap_or(route.path);
        let below =
            |family: &str| path.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if FAMILIES.iter().any(|family| below(family)) {
            assert_eq!(route.access, Access::Whole, "{}", name(&route));
            count += 1;
        }
    }
    assert!(count >= 25, "the families shrank to {count} routes");
}

#[test]
fn what_administrators_change_is_whole_or_a_decision() {
    let limited: Vec<_> =
        changing().filter(|route| route.verb == Verb::Administer && route.access != Access::Whole).collect();
    for route in &limited {
        assert!(LIMITED.contains(&name(route).as_str()), "{} takes no whole credential", name(route));
    }
    assert_eq!(limited.len(), LIMITED.len(), "one that is listed is not there");
}

#[tokio::test]
async fn no_scope_however_wide_makes_or_changes_accounts() {
    let stack = Stack::start().await;
    let bodies = [
        ("POST /auth/register", r#"{"username":"eve","password":"a long one","role":"admin"}"#),
        ("POST /auth/users", r#"{"username":"eve","password":"a long one","email":"e@example.org"}"#),
        ("PUT /auth/users/widget", r#"{"role":"admin"}"#),
        ("DELETE /auth/users/bob", ""),
        ("PUT /auth/users/admin/password", r#"{"newPassword":"a long one"}"#),
    ];
    for (line, body) in bodies {
        let (method, path) = line.split_once(' ').unwrap();
        for path in [path.to_owned(), format!("/api{path}")] {
            let ask = async |credential: &str| {
                let call = stack.client.call(method.parse().unwrap(), &path).credential(Some(credential));
                call.body(body.to_owned()).send().await.status
            };
            assert_eq!(ask("Bearer root").await, out_of_scope(&path), "{method} {path} with a scope for everything");
            // The double of auth looks after nobody, which is far enough.
            assert_eq!(ask(GOOD).await, StatusCode::NOT_IMPLEMENTED, "{method} {path} by who signed in");
            assert_eq!(
                ask("Bearer all").await,
                StatusCode::NOT_IMPLEMENTED,
                "{method} {path} with a token for everything"
            );
        }
    }
}

#[tokio::test]
async fn what_lasts_longer_than_the_session_takes_the_second_factor() {
    let stack = Stack::start().await;
    stack.world.factor.store(true, Ordering::SeqCst);
    let routes: Vec<_> = changing().filter(|route| FACTOR.contains(&name(route).as_str())).collect();
    assert_eq!(routes.len(), FACTOR.len());
    for route in routes {
        let ask = async |credential: &str, proof: &str| {
            let call = stack.client.call(route.method.clone(), &instance(route.path)).credential(Some(credential));
            call.header("x-jwt-otp", proof).body("{}").send().await.status
        };
        assert_eq!(ask(GOOD, "").await, StatusCode::UNAUTHORIZED, "{} without the proof", name(&route));
        assert_eq!(ask("Bearer all", "shown").await, StatusCode::UNAUTHORIZED, "{} by a token", name(&route));
        assert_ne!(ask(GOOD, "shown").await, StatusCode::UNAUTHORIZED, "{} with the proof", name(&route));
    }
}

#[tokio::test]
async fn what_lets_devices_in_takes_the_second_factor_of_people() {
    let stack = Stack::start().await;
    stack.world.factor.store(true, Ordering::SeqCst);
    for (method, path, body) in [
        (Method::POST, "/auth/new_device", ""),
        (Method::POST, "/auth/recovery_token", "{}"),
        (Method::DELETE, "/auth/tokens", r#"{"token_name": "nobody's"}"#),
    ] {
        let ask = async |credential: &str, proof: &str| {
            let call = stack.client.call(method.clone(), path).credential(Some(credential));
            call.header("x-jwt-otp", proof).body(body).send().await.status
        };
        assert_eq!(ask(GOOD, "").await, StatusCode::UNAUTHORIZED, "{path} without the proof");
        for (credential, proof) in [(GOOD, "shown"), ("Bearer all", "")] {
            let status = ask(credential, proof).await;
            assert!(status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN, "{path}: {status}");
        }
    }
}
