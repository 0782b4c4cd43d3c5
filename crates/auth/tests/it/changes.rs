//! Events of what changed: each with its change, none without.

use homeport_proto::auth::v1::{
    DeleteTokenRequest, DeleteUserRequest, EndSessionRequest, ListSessionsRequest, RescopeTokenRequest,
    ResetPasswordRequest, Role, TokenName, UpdateUserRequest,
};
use serde_json::{Value, json};

use crate::stack::{PASSWORD, Stack};

/// What the outbox has of users and tokens, and of those who left.
const CHANGES: [&str; 3] = ["auth:user:", "auth:token:", "auth:logout"];

async fn expect(stack: &Stack, topic: &str, payload: Value) {
    let told = stack.event_of(&CHANGES).await;
    let (said, value) = told.split_once(' ').unwrap();
    assert_eq!((said, serde_json::from_str::<Value>(value).unwrap()), (topic, payload));
}

#[tokio::test]
async fn what_becomes_of_a_user() {
    let stack = Stack::start().await;
    let user = |id: &str, name: &str, role: &str, disabled: bool| json!({ "id": id, "username": name, "role": role, "disabled": disabled });
    expect(&stack, "auth:user:create", user("admin", "admin", "admin", false)).await;
    let id = stack.create_user("ada", Role::Operator).await;
    expect(&stack, "auth:user:create", user(&id, "ada", "operator", false)).await;
    let left = |ip: &str| json!({ "type": "user", "name": "ada", "username": "ada", "ip": ip });

    // Every way in which a session ends.
    stack.login_as("ada", PASSWORD, "192.0.2.1:1").await.unwrap();
    let sessions =
        stack.sessions().list_sessions(ListSessionsRequest { user_id: id.clone() }).await.unwrap().into_inner();
    let session = &sessions.sessions[0];
    assert_eq!(session.client_address, "192.0.2.1", "people know addresses without ports");
    let (user_id, session_id) = (id.clone(), session.id.clone());
    let end = EndSessionRequest { user_id, session_id, client_address: "192.0.2.9:1".to_owned() };
    stack.sessions().end_session(end.clone()).await.unwrap();
    expect(&stack, "auth:logout", left("192.0.2.9:1")).await;
    stack.sessions().end_session(end).await.unwrap_err();
    for _ in 0..2 {
        stack.login_as("ada", PASSWORD, "192.0.2.1:1").await.unwrap();
    }
    let reset = ResetPasswordRequest { id: id.clone(), new_password: "another horse battery".to_owned() };
    stack.users().reset_password(reset).await.unwrap();
    expect(&stack, "auth:user:password", user(&id, "ada", "operator", false)).await;
    expect(&stack, "auth:logout", left("")).await;
    expect(&stack, "auth:logout", left("")).await;
    stack.login_as("ada", "another horse battery", "").await.unwrap();
    let disable = UpdateUserRequest { id: id.clone(), disabled: Some(true), ..UpdateUserRequest::default() };
    stack.users().update_user(disable).await.unwrap();
    expect(&stack, "auth:user:update", user(&id, "ada", "operator", true)).await;
    expect(&stack, "auth:logout", left("")).await;

    // What is refused is not told.
    let last = UpdateUserRequest { id: "admin".to_owned(), disabled: Some(true), ..UpdateUserRequest::default() };
    stack.users().update_user(last).await.unwrap_err();
    stack.users().delete_user(DeleteUserRequest { id: "admin".to_owned() }).await.unwrap_err();
    stack.users().delete_user(DeleteUserRequest { id: id.clone() }).await.unwrap();
    expect(&stack, "auth:user:delete", user(&id, "ada", "operator", true)).await;
}

#[tokio::test]
async fn what_becomes_of_a_token() {
    let stack = Stack::start().await;
    let made = stack.create_token("ci", &["/api:r"], None).await.unwrap().token.unwrap();
    stack.event_of(&["auth:user:create"]).await;
    let payload = json!({ "id": made.id, "type": "api", "name": "ci" });
    expect(&stack, "auth:token:create", payload.clone()).await;
    stack.create_token("ci", &[], None).await.unwrap_err();
    let token = Some(TokenName { id: made.id.clone(), ..TokenName::default() });
    let scopes = vec!["/api:rw".to_owned()];
    stack.token_service().rescope_token(RescopeTokenRequest { token, scopes, unscoped: false }).await.unwrap();
    expect(&stack, "auth:token:update", payload.clone()).await;
    let delete = DeleteTokenRequest { id: made.id, token: None };
    stack.token_service().delete_token(delete.clone()).await.unwrap();
    stack.token_service().delete_token(delete).await.unwrap_err();
    expect(&stack, "auth:token:delete", payload).await;
    stack.create_token("next", &[], None).await.unwrap();
    let next = stack.event_of(&CHANGES).await;
    assert!(next.starts_with("auth:token:create") && next.contains("next"), "nothing in between: {next}");
}
