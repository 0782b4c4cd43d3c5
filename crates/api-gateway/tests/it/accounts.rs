//! Signing in and out, and tokens.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stack::Stack;

async fn login(stack: &Stack, path: &str, body: &str) -> crate::client::Answer {
    stack.client.call(Method::POST, path).credential(None).body(body.to_owned()).send().await
}

#[tokio::test]
async fn a_login_gives_a_token() {
    let stack = Stack::start().await;
    for path in ["/auth/login", "/api/auth/login"] {
        let body = login(&stack, path, r#"{"username":"admin","password":"right"}"#).await.json();
        assert_eq!((&body["success"], &body["token"]), (&json!(true), &json!("good")));
        assert_eq!(body["message"], "Login successful");
        let user = &body["user"];
        assert_eq!(
            (&user["id"], &user["username"], &user["role"]),
            (&json!("admin"), &json!("admin"), &json!("admin"))
        );
        assert!(user["lastLogin"].is_string() && user["email"].is_string(), "{user}");
        assert_eq!(body["mustChangePassword"], true);
    }
}

#[tokio::test]
async fn homelabarr_1_3_a_login_leaves_a_cookie_for_what_forgets_the_header() {
    let stack = Stack::start().await;
    let body = r#"{"username":"admin","password":"right"}"#;
    let signed_in = login(&stack, "/auth/login", body).await;
    let cookie = signed_in.header("set-cookie").unwrap();
    let (token, traits) = cookie.split_once("; ").unwrap();
    assert_eq!(token, "homeport_ui=good");
    for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age="] {
        assert!(traits.contains(part) && !traits.contains("Secure"), "{cookie}");
    }
    let ask = async |method: Method, path: &str, cookie: &str| {
        let call = stack.client.call(method, path).credential(None).header("cookie", cookie);
        call.header("content-type", "application/json").send().await.status
    };
    // Nothing answers there yet, which is told to those alone who may ask.
    for (method, path) in
        [(Method::GET, "/containers"), (Method::GET, "/stream/progress"), (Method::POST, "/enhanced-mount/providers")]
    {
        assert_eq!(ask(method.clone(), path, token).await, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(ask(method, path, "homeport_ui=bad").await, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/auth/me", "/api/status", "/status", "/containers/web"] {
        assert_eq!(ask(Method::GET, path, token).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    let out = stack.client.post("/auth/logout", "").await;
    assert!(out.header("set-cookie").unwrap().starts_with("homeport_ui=; Path=/; Max-Age=0;"));
}

#[tokio::test]
async fn a_wrong_login_says_no_more_than_that() {
    let stack = Stack::start().await;
    let cases = [
        (r#"{"username":"admin"}"#, 400, "Username and password are required"),
        (r#"{"username":"admin","password":"wrong"}"#, 401, "Invalid username or password"),
        (r#"{"username":"nobody","password":"wrong"}"#, 401, "Invalid username or password"),
        (r#"{"username":"locked","password":"x"}"#, 429, "too many wrong passwords"),
        ("", 400, "invalid request body"),
    ];
    for (body, status, words) in cases {
        let answer = login(&stack, "/auth/login", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert!(answer.json()["details"].as_str().unwrap().contains(words), "{}", answer.text());
        assert!(answer.json()["error"].is_string());
    }
    let locked = login(&stack, "/auth/login", r#"{"username":"locked","password":"x"}"#).await;
    assert_eq!(locked.header("retry-after"), Some("300"));
}

#[tokio::test]
async fn a_logout_ends_the_session_at_once() {
    let stack = Stack::start().await;
    let me = stack.client.get("/auth/me").await.json();
    assert_eq!((&me["user"]["username"], &me["username"]), (&json!("admin"), &json!("admin")));
    let answer = stack.client.post("/auth/logout", "").await;
    assert_eq!((answer.status, &answer.json()["success"]), (StatusCode::OK, &json!(true)));
    assert_eq!(stack.client.get("/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it() {
    let stack = Stack::start().await;
    let cases = [
        (r#"{"currentPassword":"right","newPassword":"longer"}"#, 200),
        (r#"{"currentPassword":"wrong","newPassword":"longer"}"#, 400),
        (r#"{"currentPassword":"right","newPassword":"weak"}"#, 400),
        (r#"{"currentPassword":"right"}"#, 400),
    ];
    for (body, status) in cases {
        assert_eq!(stack.client.post("/auth/change-password", body).await.status.as_u16(), status, "{body}");
    }
}

async fn tokens(stack: &Stack, method: Method, body: &str) -> crate::client::Answer {
    stack.client.call(method, "/tokens").body(body.to_owned()).send().await
}

#[tokio::test]
async fn a_token_shows_its_secret_once() {
    let stack = Stack::start().await;
    let made =
        tokens(&stack, Method::PUT, r#"{"Name":"widget","Expire":1900000000,"ScopedPaths":["/api/status:r"]}"#).await;
    let made = made.json();
    assert_eq!((&made["Name"], &made["Token"]), (&json!("widget"), &json!("secret0-and-the-rest")));
    assert_eq!((&made["Expire"], &made["ScopedPaths"]), (&json!(1_900_000_000), &json!(["/api/status:r"])));
    let listed = stack.client.get("/tokens").await;
    assert!(!listed.text().contains("and-the-rest"), "{}", listed.text());
    assert_eq!((&listed.json()[0]["Prefix"], &listed.json()[0]["Id"]), (&json!("secret0"), &json!("id0")));
    let second = tokens(&stack, Method::PUT, r#"{"name":"all","Expire":0}"#).await.json();
    assert_eq!((&second["Expire"], &second["ScopedPaths"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn a_token_is_deleted_by_its_secret_its_id_or_its_name() {
    let stack = Stack::start().await;
    for name in ["a", "b", "c"] {
        tokens(&stack, Method::PUT, &json!({ "Name": name }).to_string()).await;
    }
    for body in [r#"{"Token":"secret0-and-the-rest"}"#, r#"{"Id":"id1"}"#, r#"{"Name":"c"}"#] {
        assert_eq!(tokens(&stack, Method::DELETE, body).await.status, StatusCode::OK, "{body}");
        assert_eq!(tokens(&stack, Method::DELETE, body).await.status, StatusCode::NOT_FOUND, "{body}");
    }
    assert_eq!(tokens(&stack, Method::DELETE, "{}").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_base_api_answers_in_json_texts() {
    let stack = Stack::start().await;
    assert_eq!(stack.client.get("/status").await.json(), "Online");
    assert_eq!(stack.client.get("/version").await.json(), env!("CARGO_PKG_VERSION"));
}
