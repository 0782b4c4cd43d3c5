//! The real gateway, auth and bus in one process, as a client and as the command line see them.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::services::{PASSWORD, Stack};

/// By `crypt(3)`, of `correct horse`.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

fn as_whom(token: &str) -> [(&'static str, &str); 2] {
    [("HOMEPORT_TOKEN", token), ("HOME", "/nonexistent")]
}

struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    body: Value,
}

impl Stack {
    async fn call(&self, token: &str, method: Method, path: &str, body: Value) -> Option<Answer> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let text = response.text().await.ok()?;
        Some(Answer { status, retry_after, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    /// A call whose status is known beforehand.
    async fn ask(&self, token: &str, line: &str, body: Value, expected: u16) -> Value {
        let (method, path) = line.split_once(' ').unwrap();
        let answer = self.call(token, method.parse().unwrap(), path, body).await.unwrap();
        assert_eq!(answer.status.as_u16(), expected, "{line}: {}", answer.body);
        answer.body
    }

    async fn login(&self, name: &str, password: &str) -> String {
        let body = json!({ "username": name, "password": password });
        let answer = self.ask("", "POST /auth/login", body, 200).await;
        answer["token"].as_str().unwrap().to_owned()
    }

    /// Runs a command line as somebody, with words on standard input; what it printed.
    fn prints(&self, token: &str, line: &str, input: &str) -> String {
        let output = self.run(&as_whom(token), line, input);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_made_changed_and_gone_with_all_they_had() {
    let stack = Stack::start().await;
    let admin = stack.login("admin", PASSWORD).await;
    let me = stack.ask(&admin, "GET /auth/me", Value::Null, 200).await;
    assert_eq!((&me["user"]["id"], &me["role"]), (&json!("admin"), &json!("admin")));
    assert!(me["user"]["lastLogin"].is_string() && me["createdAt"].is_string());

    let viewer = json!({ "username": "viewer", "password": "secret", "email": "user@example.com", "role": "user" });
    let made = stack.ask(&admin, "POST /auth/register", viewer.clone(), 200).await;
    assert_eq!((&made["user"]["role"], &made["user"]["lastLogin"]), (&json!("user"), &Value::Null));
    let id = made["user"]["id"].as_str().unwrap().to_owned();
    let again = stack.ask(&admin, "POST /auth/register", viewer.clone(), 400).await;
    assert!(again["details"].as_str().unwrap().contains("there is a user viewer already"), "{again}");
    let again = stack.ask(&admin, "POST /api/auth/users", viewer, 409).await;
    assert!(again["error"].as_str().unwrap().contains("viewer"), "clients show `error` here: {again}");
    for (body, words) in [
        (json!({ "username": "x" }), "required"),
        (json!({ "username": "x", "password": "short" }), "at least 6"),
        (json!({ "username": "x", "password": "secret", "role": "superking" }), "role"),
        (json!({ "username": "a:b", "password": "secret" }), "name"),
    ] {
        let refused = stack.ask(&admin, "POST /auth/register", body, 400).await;
        assert!(refused["details"].as_str().unwrap().contains(words), "{refused}");
    }
    stack.ask(&admin, "POST /auth/users", json!({ "username": "x", "password": "secret" }), 400).await;

    let token = stack.login("viewer", "secret").await;
    stack.ask(&token, "GET /auth/users", Value::Null, 403).await;
    let key = stack.ask(&token, "POST /auth/api-keys", json!({ "name": "phone" }), 201).await;
    let secret = key["key"].as_str().unwrap().to_owned();
    assert_eq!((&key["label"], &key["name"], secret.len()), (&json!("phone"), &json!("phone"), 68));
    stack.ask(&secret, "POST /auth/api-keys", json!({}), 403).await;
    let own = stack.ask(&secret, "GET /auth/me", Value::Null, 200).await;
    assert_eq!((&own["username"], &own["id"]), (&json!("viewer"), &json!(id)));
    let keys = stack.ask(&token, "GET /auth/api-keys", Value::Null, 200).await;
    let preview = format!("{}...{}", &secret[..8], &secret[64..]);
    assert_eq!((&keys["apiKeys"][0]["keyPreview"], &keys["apiKeys"][0]["revoked"]), (&json!(preview), &json!(false)));
    stack.ask(&token, "POST /auth/me/stars/media-servers-plex", Value::Null, 200).await;
    let stars = stack.ask(&token, "GET /auth/me/stars", Value::Null, 200).await;
    assert_eq!(stars, json!({ "stars": ["media-servers-plex"] }));

    stack.ask(&admin, &format!("PUT /auth/users/{id}"), json!({ "role": "viewer" }), 200).await;
    stack.ask(&token, "POST /events", json!({ "topic": "x:y", "value": "{}" }), 403).await;
    stack.ask(&admin, &format!("PUT /auth/users/{id}/password"), json!({ "newPassword": "other1" }), 200).await;
    stack.ask(&token, "GET /auth/me", Value::Null, 401).await;
    let token = stack.login("viewer", "other1").await;
    stack.ask(&admin, "DELETE /auth/users/admin", Value::Null, 400).await;
    stack.ask(&admin, &format!("DELETE /auth/users/{id}"), Value::Null, 200).await;
    for credential in [&token, &secret] {
        stack.ask(credential, "GET /auth/me", Value::Null, 401).await;
    }
    stack.ask(&admin, &format!("DELETE /auth/users/{id}"), Value::Null, 404).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_at_once_with_its_open_streams() {
    let stack = Stack::start().await;
    let (mine, other) = (stack.login("admin", PASSWORD).await, stack.login("admin", PASSWORD).await);
    let sessions = stack.ask(&mine, "GET /auth/sessions", Value::Null, 200).await;
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    let others = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();
    let mut stream = stack.client.get(format!("{}/events", stack.url)).bearer_auth(&other).send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("connected"));
    // Answers about it are remembered by now.
    for _ in 0..3 {
        stack.ask(&other, "GET /auth/me", Value::Null, 200).await;
    }
    stack.ask(&mine, &format!("DELETE /auth/sessions/{others}"), Value::Null, 200).await;
    let ended = Instant::now();
    stack.ask(&other, "GET /auth/me", Value::Null, 401).await;
    let rest = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(Duration::from_secs(1), rest).await.expect("the stream goes on without its session");
    assert!(ended.elapsed() < Duration::from_secs(1));
    stack.ask(&mine, &format!("DELETE /auth/sessions/{others}"), Value::Null, 404).await;

    let third = stack.login("admin", PASSWORD).await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "another good one" });
    stack.ask(&mine, "POST /auth/change-password", change, 200).await;
    stack.ask(&third, "GET /auth/me", Value::Null, 401).await;
    stack.ask(&mine, "POST /auth/logout", Value::Null, 200).await;
    stack.ask(&mine, "GET /auth/me", Value::Null, 401).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_slowed_down_and_recorded() {
    let stack = Stack::start().await;
    let admin = stack.login("admin", PASSWORD).await;
    for _ in 0..5 {
        stack.ask("", "POST /auth/login", json!({ "username": "admin", "password": "wrong" }), 401).await;
    }
    let body = json!({ "username": "admin", "password": PASSWORD });
    let locked = stack.call("", Method::POST, "/auth/login", body).await.unwrap();
    assert_eq!((locked.status, locked.retry_after.is_some()), (StatusCode::TOO_MANY_REQUESTS, true));
    let log = loop {
        let log = stack.ask(&admin, "GET /auth/activity-log?limit=3", Value::Null, 200).await;
        if log["total"].as_u64() >= Some(7) {
            break log;
        }
    };
    let newest = &log["activities"][0];
    assert_eq!((&newest["action"], &newest["username"]), (&json!("login_failed"), &json!("admin")));
    assert_eq!((log["activities"].as_array().unwrap().len(), &newest["ipAddress"]), (3, &json!("127.0.0.1")));
    let of_login = stack.ask(&admin, "GET /auth/activity-log?action=user_login", Value::Null, 200).await;
    assert_eq!((&of_login["total"], &of_login["activities"][0]["userId"]), (&json!(1), &json!("admin")));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_looks_after_people_and_the_record() {
    let stack = Stack::start().await;
    let admin = stack.login("admin", PASSWORD).await;
    stack.prints(&admin, "auth add otto --role viewer --password-stdin", "a long one\n");
    stack.prints(&admin, "auth set otto --role operator --email otto@example.org", "");
    let listed = stack.prints(&admin, "auth users", "");
    assert!(listed.lines().any(|line| line.starts_with("otto") && line.contains("operator")), "{listed}");
    let otto = stack.login("otto", "a long one").await;
    let key = stack.prints(&otto, "auth key phone --scope read", "");
    stack.ask(key.trim(), "GET /auth/me", Value::Null, 200).await;
    stack.prints(&admin, "auth set otto --disable", "");
    stack.ask(key.trim(), "GET /auth/me", Value::Null, 401).await;
    let refused = stack.run(&as_whom(&otto), "auth users", "");
    assert_eq!(refused.status.code(), Some(3));

    let there = stack.directory.path().join("there");
    std::fs::create_dir(&there).unwrap();
    let users = json!([
        { "id": "user_1", "username": "bea", "password": BCRYPT, "role": "user" },
        { "id": "user_2", "username": "carl", "password": BCRYPT, "role": "superking" },
        { "id": null, "username": "dora", "password": null, "role": null },
    ]);
    std::fs::write(there.join("users.json"), users.to_string()).unwrap();
    let key = format!("hlr_{}", "0123456789abcdef".repeat(4));
    let keys = json!([{ "id": "k", "userId": "user_1", "key": key, "label": null, "revoked": false }]);
    std::fs::write(there.join("api-keys.json"), keys.to_string()).unwrap();
    let output = stack.run(&as_whom(&admin), &format!("auth import --homelabarr {}", there.display()), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 users and 1 tokens taken over\n");
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in [
        "left out: user dora: it has no password",
        "key number 1: it has no label, and is taken as Mobile App",
        "user carl: there is no role \"superking\" here, so a new account may only read, as a viewer",
    ] {
        assert!(noted.lines().any(|said| said == line), "{line} is not in {noted}");
    }
    let carl = stack.login("carl", "correct horse").await;
    stack.ask(&carl, "POST /events", json!({ "topic": "x:y", "value": "{}" }), 403).await;
    stack.login("bea", "correct horse").await;
    stack.ask(&key, "GET /auth/me", Value::Null, 200).await;

    let shown = stack.prints(&admin, "audit --action user_created", "");
    assert!(shown.contains("admin from 127.0.0.1  done (200)  user_created otto"), "{shown}");
    let verified = stack.prints(&admin, "audit verify", "");
    assert!(verified.starts_with("All ") && verified.contains("as they were written"), "{verified}");
    let head = verified.trim_end().rsplit(' ').next().unwrap();
    let verified = stack.prints(&admin, &format!("audit verify --head {head}"), "");
    assert!(verified.contains(&format!("{head} is among them")), "{verified}");
    let (number, hash) = head.split_once(':').unwrap();
    let other = format!("{number}:{}", hash.chars().rev().collect::<String>());
    for (head, words) in [
        (format!("9999:{hash}"), "from row 9999 on: it is missing"),
        (other, "its hash is not the one that was kept"),
        (number.to_owned(), "head is the number of a row"),
    ] {
        let refused = stack.run(&as_whom(&admin), &format!("audit verify --head {head}"), "");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(words), "{said}");
    }
    let printed = stack.prints(&admin, "audit --json -n 1000", "");
    for secret in ["a long one", "hlr_", PASSWORD, admin.as_str(), BCRYPT] {
        assert!(!printed.contains(secret), "{secret} is in the record");
    }
    let directory = stack.stop().await;
    let database = std::fs::read(directory.path().join("state/auth/auth.db")).unwrap();
    assert!(!database.windows(key.len()).any(|window| window == key.as_bytes()));
}
