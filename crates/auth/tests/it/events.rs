//! What the bus is told.

use homeport_proto::auth::v1::LogoutRequest;

use crate::stack::{PASSWORD, Stack};

#[tokio::test]
async fn who_got_in_and_who_did_not() {
    let stack = Stack::start().await;
    let login = stack.login(PASSWORD, "192.0.2.1:1").await.unwrap();
    assert_eq!(
        stack.auth_event().await,
        r#"auth:success {"type":"user","name":"admin","username":"admin","reason":"192.0.2.1:1:login","ip":"192.0.2.1:1"}"#
    );
    stack.login("wrong password", "192.0.2.1:2").await.unwrap_err();
    assert_eq!(
        stack.auth_event().await,
        r#"auth:failure {"type":"user","name":"admin","username":"admin","reason":"wrong name or password","ip":"192.0.2.1:2"}"#
    );
    stack.authorize_from("Bearer nothing", "GET /", "192.0.2.1:3").await.unwrap_err();
    assert_eq!(
        stack.auth_event().await,
        r#"auth:failure {"type":"token","name":"","reason":"unknown token","ip":"192.0.2.1:3"}"#
    );
    stack.auth().logout(LogoutRequest { token: login.token }).await.unwrap();
    assert_eq!(stack.auth_event().await, r#"auth:logout {"type":"user","name":"admin","username":"admin","ip":""}"#);
}

#[tokio::test]
async fn success_is_told_once_a_minute_for_each_token() {
    let stack = Stack::start().await;
    let (one, two) = (stack.create_token("one", &[], None).await.unwrap(), stack.create_token("two", &[], None).await);
    for _ in 0..5 {
        stack.authorize_from(&format!("Bearer {}", one.secret), "GET /", "192.0.2.1:1").await.unwrap();
    }
    stack.authorize_from(&format!("Bearer {}", two.unwrap().secret), "GET /", "192.0.2.1:1").await.unwrap();
    assert_eq!(
        stack.auth_event().await,
        r#"auth:success {"type":"token","name":"one","reason":"192.0.2.1:1:api","ip":"192.0.2.1:1"}"#
    );
    let mut next = stack.auth_event().await;
    if next.contains(r#""one""#) {
        // A minute began in between.
        next = stack.auth_event().await;
    }
    assert!(next.contains(r#""name":"two""#), "{next}");
    assert!(stack.is_quiet().await);
}

#[tokio::test]
async fn that_it_is_there() {
    let stack = Stack::start().await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(stack.event().await, format!(r#"service:auth:started {{"version":"{version}"}}"#));
}
