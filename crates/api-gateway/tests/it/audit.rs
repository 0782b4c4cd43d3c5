//! What was done and who was refused goes into the record; reading does not.

use std::{sync::atomic::Ordering, time::Duration};

use homeport_proto::auth::v1::{AuditEntry, audit_entry::Outcome};
use http::{Method, StatusCode};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

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
async fn what_strangers_fail_at_pushes_nothing_out_of_the_record() {
    let stack = Stack::start().await;
    for _ in 0..150 {
        stack.client.call(Method::POST, "/auth/login").credential(None).body("{}").send().await;
    }
    let recorded = stack.world.audit.lock().unwrap().len();
    assert!((60..=121).contains(&recorded), "{recorded}");
}

#[tokio::test]
async fn what_strangers_fail_at_hides_nothing_of_who_is_known_and_is_told_at_the_end() {
    let mut stack = Stack::start().await;
    for _ in 0..150 {
        stack.client.call(Method::GET, "/status").credential(None).send().await;
    }
    stack.client.call(Method::POST, "/api/update").credential(Some("Bearer viewer")).body("{}").send().await;
    stack.drain.cancel();
    stack.serving.take().unwrap().await.unwrap();
    let recorded = stack.world.audit.lock().unwrap().clone();
    assert!(recorded.iter().any(|entry| entry.principal_name == "viewer" && entry.status == 403));
    let counted: usize = recorded
        .iter()
        .filter(|entry| entry.action == "refused_repeatedly" && entry.client_address == "127.0.0.1")
        .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.details).unwrap()["count"].as_u64().unwrap())
        .map(|count| usize::try_from(count).unwrap())
        .sum();
    let rows = recorded.iter().filter(|entry| entry.path == "/status").count();
    assert_eq!(rows + counted, 150, "none of them is forgotten");
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

#[tokio::test]
async fn a_change_is_answered_when_it_is_recorded_and_a_refusal_at_once() {
    let stack = Stack::start().await;
    stack.world.audit_stands.send_replace(true);
    let client = stack.client.clone();
    let change = tokio::spawn(async move { client.post("/api/containers/web/start", "").await });
    eventually(|| stack.world.calls.lock().unwrap().iter().any(|call| call.contains("web"))).await;
    let refused = stack.client.call(Method::POST, "/api/containers/web/start").credential(None).send().await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stack.client.get("/api/status").await.status, StatusCode::OK, "reading waits for nothing");
    assert!(!change.is_finished(), "the change is answered, and its row is nowhere");
    stack.world.audit_stands.send_replace(false);
    assert_eq!(change.await.unwrap().status, StatusCode::OK);
    let recorded = stack.world.audit.lock().unwrap().iter().map(short).collect::<Vec<_>>();
    assert!(recorded.iter().any(|(action, ..)| action == "container_started"), "{recorded:?}");
}

#[tokio::test]
async fn a_change_is_recorded_although_its_client_left() {
    let stack = Stack::start().await;
    *stack.world.update_takes.lock().unwrap() = Duration::from_millis(200);
    let mut client = TcpStream::connect(stack.client.address()).await.unwrap();
    let body = r#"{"container_name":"web"}"#;
    let head =
        "POST /api/update HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    client.write_all(request.as_bytes()).await.unwrap();
    eventually(|| stack.world.authorized.load(Ordering::SeqCst) == 1).await;
    drop(client);
    let entries = entries(&stack, 1).await;
    assert_eq!((entries[0].path.as_str(), entries[0].principal_name.as_str()), ("/api/update", "admin"));
}
