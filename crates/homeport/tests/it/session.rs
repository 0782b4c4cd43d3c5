//! Signing in and out, and which credential is sent.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use crate::double::Double;

fn server() -> Double {
    let login = json!({ "success": true, "token": "a.b.c", "user": { "username": "ada" }, "mustChangePassword": true });
    Double::start()
        .raw("POST /auth/login", 200, &login.to_string())
        .raw("POST /auth/logout", 200, r#"{"success":true}"#)
        .data("GET /api/operations", [json!({ "operations": [] })])
}

#[test]
fn a_session_is_kept_and_sent() {
    let double = server();
    let ended = double.run_with("login --username ada --password-stdin", "secret word\n");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.starts_with("Signed in as ada at http://127.0.0.1:"), "{ended:?}");
    assert!(ended.err.contains("homeport password"), "{ended:?}");
    assert_eq!(double.asked("POST /auth/login")[0].body, json!({ "username": "ada", "password": "secret word" }));
    let file = double.home().join(".config/homeport/credentials.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    double.run("history").check(0, "Nothing was done yet\n");
    assert_eq!(double.asked("GET /api/operations")[0].authorization.as_deref(), Some("Bearer a.b.c"));

    assert_eq!(double.run("logout").code, 0);
    assert_eq!(double.asked("POST /auth/logout")[0].authorization.as_deref(), Some("Bearer a.b.c"));
    double.run("history");
    assert_eq!(double.asked("GET /api/operations")[1].authorization, None);
    assert!(!fs::read_to_string(file).unwrap().contains("a.b.c"));
}

#[test]
fn the_variable_goes_first() {
    let double = server();
    double.run_with("login --password-stdin", "secret word\n");
    double.command("history").env("HOMEPORT_TOKEN", "from the variable").output().unwrap();
    let asked = double.asked("GET /api/operations");
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer from the variable"));
}

#[test]
fn the_token_is_not_printed() {
    let double = server();
    let ended = double.run_with("login --password-stdin --json", "secret word\n");
    assert_eq!(ended.json()["user"]["username"], "ada");
    assert!(!ended.out.contains("a.b.c"));
}

#[test]
fn a_wrong_password() {
    let double = Double::start().raw("POST /auth/login", 401, r#"{"error":"Invalid username or password"}"#);
    let ended = double.run_with("login --password-stdin", "wrong\n");
    assert_eq!((ended.code, ended.err.as_str()), (3, "homeport: the user name or the password is wrong\n"));
    assert!(!double.home().join(".config").exists());
    assert_eq!(double.run_with("login --password-stdin", "\n").code, 1, "no password");
}

#[test]
fn a_session_that_has_ended_can_be_signed_out() {
    let double = server();
    double.run_with("login --password-stdin", "secret word\n");
    let double = double.instead("POST /auth/logout", 401, r#"{"error":"the session has ended"}"#);
    assert_eq!(double.run("logout").code, 0);
    assert_eq!(double.run("logout").code, 0, "nobody is signed in any more");
}

#[test]
fn passwords_are_changed_with_both() {
    let double = Double::start().raw("POST /auth/change-password", 200, r#"{"success":true}"#);
    double
        .run_with("password --password-stdin", "the old one\nthe new one\n")
        .check(0, "Password changed; other sessions have ended\n");
    let body = &double.asked("POST /auth/change-password")[0].body;
    assert_eq!(*body, json!({ "currentPassword": "the old one", "newPassword": "the new one" }));
}
