//! What was done and who was refused goes into the record; reading does not.

use homeport_proto::auth::v1::{AuditEntry, audit_entry::Outcome};
use http::{Method, StatusCode};

use crate::stack::{Stack, eventually};

/// The entries of the record, once there are so many.
async fn entries(stack: &Stack, count: usize) -> Vec<AuditEntry> {
    eventually(|| stack.world.audit.lock().unwrap().len() >= count).await;
    stack.world.audit.lock().unwrap().clone()
}

fn short(entry: &AuditEntry) -> (String, String, Outcome, u32) {
    (entry.action.clone(), entry.principal_name.clone(), entry.outcome(), entry.status)
}

#[tokio::test]
async fn changes_and_refusals_are_recorded_with_who_and_what() {
    let stack = Stack::start().await;
    stack.client.get("/api/status").await;
    let call = |method, path: &str, credential| {
        stack.client.call(method, path).credential(credential).header("user-agent", "a test")
    };
    let stopped = call(Method::POST, "/api/containers/web/stop", Some("Bearer good"));
    let stopped = stopped.header("x-correlation-id", "abc").send().await;
    assert_eq!(stopped.status, StatusCode::OK, "{}", stopped.text());
    call(Method::GET, "/status", Some("Bearer bad")).send().await;
    call(Method::POST, "/api/update", Some("Bearer viewer")).body("{}").send().await;
    call(Method::PUT, "/api/nothing", Some("Bearer good")).send().await;
    let entries = entries(&stack, 4).await;
    let row = |action: &str, who: &str, outcome, status| (action.to_owned(), who.to_owned(), outcome, status);
    let expected = [
        row("container_stopped", "admin", Outcome::Done, 200),
        row("GET /status", "", Outcome::Refused, 401),
        row("POST /api/update", "viewer", Outcome::Refused, 403),
        row("PUT /api/nothing", "admin", Outcome::Failed, 404),
    ];
    assert_eq!(entries.iter().map(short).collect::<Vec<_>>(), expected);
    let stop = &entries[0];
    assert_eq!((stop.target_kind.as_str(), stop.target_id.as_str()), ("container", "web"));
    assert_eq!((stop.request_id.as_str(), stop.client_address.as_str()), ("abc", "127.0.0.1"));
    assert_eq!((stop.user_id.as_str(), stop.user_agent.as_str()), ("admin", "a test"));
    assert_eq!((stop.method.as_str(), stop.path.as_str()), ("POST", "/api/containers/web/stop"));
}

#[tokio::test]
async fn sign_ins_are_recorded_without_the_password() {
    let stack = Stack::start().await;
    for body in [r#"{"username":"admin","password":"right"}"#, r#"{"username":"eve","password":"hunter2"}"#] {
        stack.client.call(Method::POST, "/api/auth/login").credential(None).body(body).send().await;
    }
    let entries = entries(&stack, 2).await;
    let row = |action: &str, who: &str, outcome, status| (action.to_owned(), who.to_owned(), outcome, status);
    let expected = [row("user_login", "admin", Outcome::Done, 200), row("login_failed", "eve", Outcome::Refused, 401)];
    assert_eq!(entries.iter().map(short).collect::<Vec<_>>(), expected);
    assert!(!format!("{entries:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted() {
    let stack = Stack::start().await;
    for _ in 0..150 {
        stack.client.call(Method::GET, "/status").credential(None).send().await;
    }
    // The clock may have gone on to the next minute once.
    let recorded = stack.world.audit.lock().unwrap().len();
    assert!((60..=121).contains(&recorded), "{recorded}");
}

#[tokio::test]
async fn what_was_done_is_recorded_before_the_gateway_is_gone() {
    let mut stack = Stack::start().await;
    for _ in 0..50 {
        stack.client.post("/api/containers/web/start", "").await;
    }
    stack.drain.cancel();
    stack.serving.take().unwrap().await.unwrap();
    assert_eq!(stack.world.audit.lock().unwrap().len(), 50);
}
