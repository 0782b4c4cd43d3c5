//! The first administrator.

use std::os::unix::fs::PermissionsExt as _;

use crate::stack::{PASSWORD, Stack};

const FILE: &str = "initial-admin-password";

#[tokio::test]
async fn a_made_password_is_kept_until_it_is_changed() {
    let mut stack = Stack::with(&[]).await;
    let made = std::fs::read_to_string(stack.file(FILE)).unwrap();
    let made = made.trim_end();
    assert_eq!(std::fs::metadata(stack.file(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(stack.login(made, "").await.unwrap().must_change_password);
    stack.restart().await;
    assert!(stack.file(FILE).exists(), "nobody has changed it yet");
    stack.change_password(made, PASSWORD, "").await.unwrap();
    assert!(!stack.file(FILE).exists());
    assert!(!stack.login(PASSWORD, "").await.unwrap().must_change_password);
    stack.restart().await;
    assert!(!stack.file(FILE).exists());
    stack.login(PASSWORD, "").await.unwrap();
}

#[tokio::test]
async fn a_chosen_password_is_not_kept() {
    let stack = Stack::start().await;
    assert!(!stack.file(FILE).exists());
    stack.login(PASSWORD, "").await.unwrap();
}

#[tokio::test]
async fn what_a_crash_left_behind_is_removed() {
    let mut stack = Stack::start().await;
    stack.stop().await;
    std::fs::write(stack.file(FILE), "outdated\n").unwrap();
    stack.restart_from_stopped().await;
    assert!(!stack.file(FILE).exists());
}

#[tokio::test]
async fn nobody_else_can_read_the_database() {
    let stack = Stack::start().await;
    stack.login(PASSWORD, "").await.unwrap();
    for file in ["auth.db", "auth.db-wal", "auth.db-shm"] {
        let mode = std::fs::metadata(stack.file(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_weak_password_is_no_start() {
    let stack = Stack::try_with(&[("HOMEPORT_ADMIN_PASSWORD", "admin")]).await;
    let error = stack.err().expect("it must not start");
    assert_eq!(error, "HOMEPORT_ADMIN_PASSWORD cannot be used: this password is too weak: use at least 12 characters");
}

#[tokio::test]
async fn homelabarr_3_6_the_variable_of_homelabarr_is_read_and_no_default_taken() {
    let stack = Stack::with(&[("DEFAULT_ADMIN_PASSWORD", PASSWORD)]).await;
    assert!(!stack.login(PASSWORD, "192.0.2.1").await.unwrap().must_change_password);
    let settings = [("DEFAULT_ADMIN_PASSWORD", "another long one"), ("HOMEPORT_ADMIN_PASSWORD", PASSWORD)];
    Stack::with(&settings).await.login(PASSWORD, "").await.expect("ours wins");
    let error = Stack::try_with(&[("DEFAULT_ADMIN_PASSWORD", "admin")]).await.err().expect("it must not start");
    assert!(error.starts_with("DEFAULT_ADMIN_PASSWORD cannot be used: this password is too weak"), "{error}");
}

#[tokio::test]
async fn homelabarr_2_sessions_last_as_long_as_the_variable_of_homelabarr_says() {
    let stack = Stack::with(&[("HOMEPORT_ADMIN_PASSWORD", PASSWORD), ("JWT_EXPIRES_IN", "15m")]).await;
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let left = stack.login(PASSWORD, "").await.unwrap().expires_at.unwrap().seconds - now;
    assert!((895..=900).contains(&left), "{left}");
    let error = Stack::try_with(&[("JWT_EXPIRES_IN", "a day")]).await.err().expect("it must not start");
    assert!(error.starts_with("JWT_EXPIRES_IN is a time such as 15m"), "{error}");
}
