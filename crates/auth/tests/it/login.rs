//! Signing in and out.

use homeport_proto::auth::v1::{LogoutRequest, principal::Kind};
use tonic::Code;

use crate::stack::{PASSWORD, Stack};

#[tokio::test]
async fn a_session_lasts_until_it_is_ended() {
    let stack = Stack::start().await;
    let login = stack.login(PASSWORD, "192.0.2.1").await.unwrap();
    let principal = login.principal.unwrap();
    assert_eq!((principal.kind(), principal.name.as_str()), (Kind::User, "admin"));
    assert!(!login.must_change_password, "somebody chose this password");
    let header = format!("Bearer {}", login.token);
    let authorized = stack.authorize(&header, "DELETE /anything").await.unwrap();
    assert_eq!(authorized.expires_at, login.expires_at);
    assert_eq!(authorized.principal.unwrap().id, principal.id);

    stack.auth().logout(LogoutRequest { token: login.token.clone(), ..LogoutRequest::default() }).await.unwrap();
    let refused = stack.authorize(&header, "GET /").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "the session has ended; sign in again"));
    stack
        .auth()
        .logout(LogoutRequest { token: login.token, ..LogoutRequest::default() })
        .await
        .expect("ending it again is no error");
}

#[tokio::test]
async fn sessions_survive_a_restart() {
    let mut stack = Stack::start().await;
    let login = stack.login(PASSWORD, "").await.unwrap();
    stack.restart().await;
    stack.authorize(&format!("Bearer {}", login.token), "GET /").await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_alike() {
    let stack = Stack::start().await;
    let wrong = stack.login("wrong password", "").await.unwrap_err();
    let unknown = stack.login_as("nobody", PASSWORD, "").await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    assert_eq!(wrong.message(), unknown.message());
    assert_eq!(wrong.code(), unknown.code());
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let stack = Stack::with(&[("HOMEPORT_ADMIN_PASSWORD", PASSWORD), ("HOMEPORT_AUTH__SESSION__COUNT_MAX", "1")]).await;
    let first = stack.login(PASSWORD, "").await.unwrap();
    let second = stack.login(PASSWORD, "").await.unwrap();
    let refused = stack.authorize(&format!("Bearer {}", first.token), "GET /").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    stack.authorize(&format!("Bearer {}", second.token), "GET /").await.unwrap();
}

#[tokio::test]
async fn a_session_expires() {
    let stack =
        Stack::with(&[("HOMEPORT_ADMIN_PASSWORD", PASSWORD), ("HOMEPORT_AUTH__SESSION__LIFETIME_S", "0")]).await;
    let login = stack.login(PASSWORD, "").await.unwrap();
    let refused = stack.authorize(&format!("Bearer {}", login.token), "GET /").await.unwrap_err();
    assert_eq!(refused.message(), "the session has ended; sign in again");
}
