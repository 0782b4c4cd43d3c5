//! Changing a password.

use tonic::Code;

use crate::stack::{PASSWORD, Stack};

const NEW: &str = "another good one";

#[tokio::test]
async fn it_ends_the_other_sessions() {
    let stack = Stack::start().await;
    let mine = stack.login(PASSWORD, "").await.unwrap();
    let other = stack.login(PASSWORD, "").await.unwrap();
    stack.change_password(PASSWORD, NEW, &mine.token).await.unwrap();
    stack.authorize(&format!("Bearer {}", mine.token), "GET /").await.unwrap();
    let refused = stack.authorize(&format!("Bearer {}", other.token), "GET /").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(stack.login(PASSWORD, "").await.unwrap_err().code(), Code::Unauthenticated);
    stack.login(NEW, "").await.unwrap();
}

#[tokio::test]
async fn without_a_session_to_keep_all_end() {
    let stack = Stack::start().await;
    let mine = stack.login(PASSWORD, "").await.unwrap();
    stack.change_password(PASSWORD, NEW, "").await.unwrap();
    assert!(stack.authorize(&format!("Bearer {}", mine.token), "GET /").await.is_err());
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let stack = Stack::start().await;
    let mine = stack.login(PASSWORD, "").await.unwrap();
    for (current, new, code, text) in [
        ("wrong password", NEW, Code::Unauthenticated, "wrong"),
        (PASSWORD, "short", Code::InvalidArgument, "at least 6 characters"),
        (PASSWORD, PASSWORD, Code::InvalidArgument, "present one"),
    ] {
        let refused = stack.change_password(current, new, "").await.unwrap_err();
        assert_eq!(refused.code(), code, "{}", refused.message());
        assert!(refused.message().contains(text), "{}", refused.message());
    }
    stack.authorize(&format!("Bearer {}", mine.token), "GET /").await.unwrap();
    stack.login(PASSWORD, "").await.unwrap();
}
