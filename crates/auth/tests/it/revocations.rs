//! What is good no longer is told at once.

use std::time::Duration;

use homeport_proto::auth::v1::{
    DeleteTokenRequest, EndSessionRequest, ListSessionsRequest, LogoutRequest, RescopeTokenRequest, Role, TokenName,
    UpdateUserRequest, WatchRevocationsRequest, WatchRevocationsResponse,
};
use tonic::{Code, Streaming};

use crate::stack::{PASSWORD, Stack};

struct Follower(Streaming<WatchRevocationsResponse>);

impl Follower {
    async fn start(stack: &Stack) -> Self {
        let mut follower = Self(stack.auth().watch_revocations(WatchRevocationsRequest {}).await.unwrap().into_inner());
        assert!(follower.message().await.everything, "what was good before may have ended before");
        follower
    }

    async fn message(&mut self) -> WatchRevocationsResponse {
        let message = tokio::time::timeout(Duration::from_secs(1), self.0.message()).await;
        message.expect("it is never silent for so long").unwrap().unwrap()
    }

    /// The next that says something.
    async fn next(&mut self) -> WatchRevocationsResponse {
        loop {
            let message = self.message().await;
            if message != WatchRevocationsResponse::default() {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn silence_never_lasts() {
    let stack = Stack::start().await;
    let mut follower = Follower::start(&stack).await;
    for _ in 0..3 {
        assert_eq!(follower.message().await, WatchRevocationsResponse::default());
    }
}

#[tokio::test]
async fn whatever_ends_is_told_by_name() {
    let stack = Stack::start().await;
    let otto = stack.create_user("otto", Role::Operator).await;
    let token = stack.create_token("ci", &["/x"], None).await.unwrap().token.unwrap().id;
    let (one, two) = (stack.login(PASSWORD, "").await.unwrap(), stack.login(PASSWORD, "").await.unwrap());
    let id = |login: &homeport_proto::auth::v1::LoginResponse| login.principal.clone().unwrap().credential_id;
    let mut follower = Follower::start(&stack).await;

    stack.auth().logout(LogoutRequest { token: one.token.clone(), ..LogoutRequest::default() }).await.unwrap();
    assert_eq!(follower.next().await.credential_ids, [id(&one)]);

    let listed = ListSessionsRequest { user_id: "admin".to_owned() };
    let listed = stack.sessions().list_sessions(listed).await.unwrap().into_inner().sessions;
    assert_eq!(listed.iter().map(|session| session.id.clone()).collect::<Vec<_>>(), [id(&two)]);
    assert_eq!(listed[0].user_agent, "a test");
    let foreign = EndSessionRequest { user_id: otto.clone(), session_id: id(&two), ..EndSessionRequest::default() };
    assert_eq!(stack.sessions().end_session(foreign).await.unwrap_err().code(), Code::NotFound);
    let own = EndSessionRequest { user_id: "admin".to_owned(), session_id: id(&two), ..EndSessionRequest::default() };
    stack.sessions().end_session(own).await.unwrap();
    assert_eq!(follower.next().await.credential_ids, [id(&two)]);
    let refused = stack.authorize(&format!("Bearer {}", two.token), "GET /").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);

    let name = TokenName { id: token.clone(), ..TokenName::default() };
    let rescope = RescopeTokenRequest { token: Some(name), scopes: vec!["/y:r".to_owned()], unscoped: false };
    stack.token_service().rescope_token(rescope).await.unwrap();
    assert_eq!(follower.next().await.credential_ids, std::slice::from_ref(&token));
    stack.token_service().delete_token(DeleteTokenRequest { id: token.clone(), token: None }).await.unwrap();
    assert_eq!(follower.next().await.credential_ids, [token]);

    let disabled = UpdateUserRequest { id: otto.clone(), disabled: Some(true), ..UpdateUserRequest::default() };
    stack.users().update_user(disabled).await.unwrap();
    assert_eq!(follower.next().await.user_ids, [otto]);

    stack.change_password(PASSWORD, "another good one", "").await.unwrap();
    assert_eq!(follower.next().await.user_ids, ["admin"]);
}
