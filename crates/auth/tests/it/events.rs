//! What the bus is told.

use homeport_proto::auth::v1::{AuthorizeRequest, LogoutRequest, Way};
use tonic::Code;

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
    let leaving = LogoutRequest { token: login.token, client_address: "192.0.2.1:4".to_owned() };
    stack.auth().logout(leaving).await.unwrap();
    assert_eq!(
        stack.auth_event().await,
        r#"auth:logout {"ip":"192.0.2.1:4","name":"admin","type":"user","username":"admin"}"#
    );
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
async fn a_websocket_is_told_each_time_and_by_its_very_path() {
    let stack = Stack::start().await;
    let follower = stack.create_token("follower", &["/ws:r"], None).await.unwrap().secret;
    let above = stack.create_token("above", &["/"], None).await.unwrap().secret;
    let ask = |secret: &str, path: &str, way: Way| {
        let request = AuthorizeRequest {
            authorization: format!("Bearer {secret}"),
            method: "GET".to_owned(),
            path: path.to_owned(),
            client_address: "192.0.2.1:7".to_owned(),
            way: way.into(),
            ..AuthorizeRequest::default()
        };
        let mut auth = stack.auth();
        async move { auth.authorize(request).await.map(drop).map_err(|status| status.code()) }
    };
    for _ in 0..2 {
        ask(&follower, "/ws", Way::Websocket).await.unwrap();
        assert_eq!(
            stack.auth_event().await,
            r#"auth:success {"type":"token","name":"follower","reason":"192.0.2.1:7:websocket","ip":"192.0.2.1:7"}"#
        );
        ask(&follower, "/ws", Way::OpenWebsocket).await.unwrap();
    }
    for way in [Way::Websocket, Way::OpenWebsocket] {
        assert_eq!(ask(&above, "/ws", way).await, Err(Code::PermissionDenied));
        assert_eq!(ask(&follower, "/ws_events_all", way).await, Err(Code::PermissionDenied));
    }
    for name in ["above", "follower"] {
        let told = stack.auth_event().await;
        let refused =
            format!(r#"auth:failure {{"type":"token","name":"{name}","reason":"out of scope","ip":"192.0.2.1:7"}}"#);
        assert_eq!(told, refused, "and no success before");
    }
    ask(&above, "/ws", Way::Unspecified).await.expect("it is an ordinary path for others");
}

#[tokio::test]
async fn failures_are_told_once_a_minute_whatever_the_port() {
    let stack = Stack::start().await;
    for port in 1..=5 {
        stack.authorize_from("Bearer nothing", "GET /", &format!("192.0.2.1:{port}")).await.unwrap_err();
    }
    let first = stack.auth_event().await;
    assert!(first.ends_with(r#""ip":"192.0.2.1:1"}"#), "{first}");
    stack.login(PASSWORD, "192.0.2.1:9").await.unwrap();
    let mut next = stack.auth_event().await;
    if next.starts_with("auth:failure") {
        // A minute began in between.
        next = stack.auth_event().await;
    }
    assert!(next.starts_with("auth:success"), "{next}");
}

#[tokio::test]
async fn that_it_is_there() {
    let stack = Stack::start().await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(stack.event().await, format!(r#"service:auth:started {{"version":"{version}"}}"#));
}
