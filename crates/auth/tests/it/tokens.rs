//! API tokens.

use homeport_proto::auth::v1::{DeleteTokenRequest, ListTokensRequest};
use tonic::Code;

use crate::stack::Stack;

async fn refused(stack: &Stack, name: &str, scopes: &[&str], expires_in: Option<i64>) -> (Code, String) {
    let status = stack.create_token(name, scopes, expires_in).await.unwrap_err();
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let mut stack = Stack::start().await;
    let made = stack.create_token("backup", &["/backup//x/"], Some(3600)).await.unwrap();
    let token = made.token.unwrap();
    assert_eq!(made.secret.len(), 43);
    assert!(made.secret.starts_with(&token.prefix) && token.prefix.len() == 8);
    assert_eq!(token.scopes, ["/backup/x"]);
    let listed = stack.token_service().list_tokens(ListTokensRequest::default()).await.unwrap().into_inner().tokens;
    assert_eq!(listed, [token]);
    stack.stop().await;
    let database = std::fs::read(stack.file("auth.db")).unwrap();
    assert!(!database.windows(43).any(|window| window == made.secret.as_bytes()));
}

#[tokio::test]
async fn use_is_noted_to_the_minute() {
    let mut stack = Stack::start().await;
    let made = stack.create_token("ci", &[], None).await.unwrap();
    assert_eq!(made.token.unwrap().last_used_at, None);
    stack.authorize(&format!("Bearer {}", made.secret), "GET /").await.unwrap();
    // It is written every few seconds, and before the service ends.
    stack.restart().await;
    let listed = stack.token_service().list_tokens(ListTokensRequest::default()).await.unwrap().into_inner().tokens;
    assert_eq!(listed[0].last_used_at.unwrap().seconds % 60, 0);
}

#[tokio::test]
async fn a_deleted_token_is_refused_at_once() {
    let stack = Stack::start().await;
    let made = stack.create_token("ci", &[], None).await.unwrap();
    let header = format!("Bearer {}", made.secret);
    stack.authorize(&header, "GET /").await.unwrap();
    let id = made.token.unwrap().id;
    stack.token_service().delete_token(DeleteTokenRequest { id: id.clone(), token: None }).await.unwrap();
    assert_eq!(stack.authorize(&header, "GET /").await.unwrap_err().code(), Code::Unauthenticated);
    let again = stack.token_service().delete_token(DeleteTokenRequest { id, token: None }).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
    stack.create_token("ci", &[], None).await.expect("the name is free again");
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_with_the_reason() {
    let stack = Stack::start().await;
    stack.create_token("taken", &[], None).await.unwrap();
    let long = "x".repeat(79);
    let of_plugin = format!("{}-install-token", "x".repeat(64));
    stack.create_token(&of_plugin, &["/status"], None).await.expect("the longest that a plugin can have");
    let many = vec!["/a"; 65];
    for (name, scopes, expires_in, code, text) in [
        ("taken", &[][..], None, Code::AlreadyExists, "there is a token taken already"),
        ("", &[][..], None, Code::InvalidArgument, "1 to 78 characters"),
        (&long, &[][..], None, Code::InvalidArgument, "1 to 78 characters"),
        ("a\nb", &[][..], None, Code::InvalidArgument, "1 to 78 characters"),
        ("past", &[][..], Some(-1), Code::InvalidArgument, "in the future"),
        ("scope", &["api"][..], None, Code::InvalidArgument, "\"api\" cannot be used: a scope begins with a slash"),
        ("scope", &["/api:w"][..], None, Code::InvalidArgument, "after the colon"),
        ("scope", &many[..], None, Code::InvalidArgument, "64 scopes"),
    ] {
        let (got, message) = refused(&stack, name, scopes, expires_in).await;
        assert_eq!(got, code, "{message}");
        assert!(message.contains(text), "{message}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let stack = Stack::start().await;
    let made = stack.create_token("brief", &[], Some(2)).await.unwrap();
    let header = format!("Bearer {}", made.secret);
    stack.authorize(&header, "GET /").await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let refused = loop {
        match stack.authorize(&header, "GET /").await {
            Err(refused) => break refused,
            Ok(_) => assert!(std::time::Instant::now() < deadline, "it is still accepted"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(refused.message(), "the API token brief has expired; make a new one");
}
