//! People: roles, and what ends with them.

use homeport_proto::auth::v1::{
    CreateTokenRequest, CreateUserRequest, DeleteUserRequest, ListUsersRequest, ResetPasswordRequest, Role,
    SetStarRequest, TokenKind, UpdateUserRequest, Verb,
};
use tonic::{Code, Status};

use crate::stack::{PASSWORD, Stack};

/// Asks as somebody, on a route that says what it does.
async fn ask(stack: &Stack, token: &str, verb: Verb) -> Result<(), Status> {
    let request = homeport_proto::auth::v1::AuthorizeRequest {
        authorization: format!("Bearer {token}"),
        method: "POST".to_owned(),
        path: "/x".to_owned(),
        client_address: String::new(),
        verb: verb.into(),
        ..homeport_proto::auth::v1::AuthorizeRequest::default()
    };
    stack.auth().authorize(request).await.map(drop)
}

async fn set(stack: &Stack, id: &str, change: UpdateUserRequest) -> Result<(), Status> {
    stack.users().update_user(UpdateUserRequest { id: id.to_owned(), ..change }).await.map(drop)
}

#[tokio::test]
async fn a_role_covers_its_verbs() {
    let stack = Stack::start().await;
    for (name, role, expected) in [
        ("vera", Role::Viewer, [true, false, false]),
        ("otto", Role::Operator, [true, true, false]),
        ("ada", Role::Admin, [true, true, true]),
    ] {
        stack.create_user(name, role).await;
        let token = stack.login_as(name, PASSWORD, "").await.unwrap().token;
        for (verb, expected) in [Verb::Read, Verb::Operate, Verb::Administer].into_iter().zip(expected) {
            let answer = ask(&stack, &token, verb).await;
            assert_eq!(answer.is_ok(), expected, "{name} {verb:?}");
            if let Err(status) = answer {
                assert_eq!(status.code(), Code::PermissionDenied);
                assert!(status.metadata().get_bin("principal-bin").is_some(), "it says who was refused");
            }
        }
        assert_eq!(ask(&stack, &token, Verb::Unspecified).await.is_ok(), expected[1], "a POST operates");
    }
}

#[tokio::test]
async fn another_role_counts_at_once_for_sessions_and_tokens() {
    let stack = Stack::start().await;
    let id = stack.create_user("ada", Role::Admin).await;
    let session = stack.login_as("ada", PASSWORD, "").await.unwrap().token;
    let key = CreateTokenRequest {
        name: "phone".to_owned(),
        kind: TokenKind::Key.into(),
        user_id: id.clone(),
        ..CreateTokenRequest::default()
    };
    let key = stack.token_service().create_token(key).await.unwrap().into_inner().secret;
    assert!(key.starts_with("hlr_") && key.len() == 68);
    for token in [&session, &key] {
        ask(&stack, token, Verb::Administer).await.unwrap();
    }
    set(&stack, &id, UpdateUserRequest { role: Some(Role::Viewer.into()), ..UpdateUserRequest::default() })
        .await
        .unwrap();
    for token in [&session, &key] {
        ask(&stack, token, Verb::Read).await.unwrap();
        assert_eq!(ask(&stack, token, Verb::Operate).await.unwrap_err().code(), Code::PermissionDenied);
    }
    let disabled = UpdateUserRequest { disabled: Some(true), ..UpdateUserRequest::default() };
    set(&stack, &id, disabled).await.unwrap();
    for token in [&session, &key] {
        assert_eq!(ask(&stack, token, Verb::Read).await.unwrap_err().code(), Code::Unauthenticated);
    }
    let refused = stack.login_as("ada", PASSWORD, "").await.unwrap_err();
    assert_eq!((refused.code(), refused.message().contains("disabled")), (Code::Unauthenticated, true));
    let wrong = stack.login_as("ada", "wrong", "").await.unwrap_err();
    assert!(!wrong.message().contains("disabled"), "only who knows the password is told: {wrong:?}");
    let enabled = UpdateUserRequest { disabled: Some(false), ..UpdateUserRequest::default() };
    set(&stack, &id, enabled).await.unwrap();
    ask(&stack, &key, Verb::Read).await.unwrap();
    assert_eq!(ask(&stack, &session, Verb::Read).await.unwrap_err().code(), Code::Unauthenticated);
    stack.users().delete_user(DeleteUserRequest { id }).await.unwrap();
    assert_eq!(ask(&stack, &key, Verb::Read).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn somebody_who_may_administer_always_stays() {
    let stack = Stack::start().await;
    let demoted = UpdateUserRequest { role: Some(Role::Operator.into()), ..UpdateUserRequest::default() };
    let disabled = UpdateUserRequest { disabled: Some(true), ..UpdateUserRequest::default() };
    assert_eq!(set(&stack, "admin", demoted).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(set(&stack, "admin", disabled).await.unwrap_err().code(), Code::FailedPrecondition);
    let deleted = stack.users().delete_user(DeleteUserRequest { id: "admin".to_owned() }).await.unwrap_err();
    assert_eq!(deleted.code(), Code::FailedPrecondition);
    stack.login(PASSWORD, "").await.expect("nothing has changed");
    stack.create_user("ada", Role::Admin).await;
    stack.users().delete_user(DeleteUserRequest { id: "admin".to_owned() }).await.unwrap();
}

#[tokio::test]
async fn two_changes_at_once_do_not_undo_each_other() {
    let stack = Stack::start().await;
    let id = stack.create_user("otto", Role::Viewer).await;
    // Which comes first is chance, so it is tried often.
    for _ in 0..20 {
        let (role, disabled) = (Some(Role::Viewer.into()), Some(false));
        set(&stack, &id, UpdateUserRequest { role, disabled, ..UpdateUserRequest::default() }).await.unwrap();
        let role = UpdateUserRequest { role: Some(Role::Operator.into()), ..UpdateUserRequest::default() };
        let disabled = UpdateUserRequest { disabled: Some(true), ..UpdateUserRequest::default() };
        let (one, two) = tokio::join!(set(&stack, &id, role), set(&stack, &id, disabled));
        one.unwrap();
        two.unwrap();
        let users = stack.users().list_users(ListUsersRequest {}).await.unwrap().into_inner().users;
        let otto = users.iter().find(|user| user.id == id).unwrap();
        assert_eq!((otto.role(), otto.disabled), (Role::Operator, true));
    }
}

#[tokio::test]
async fn a_reset_password_ends_sessions_and_works() {
    let stack = Stack::start().await;
    let id = stack.create_user("otto", Role::Operator).await;
    let session = stack.login_as("otto", PASSWORD, "").await.unwrap().token;
    let reset = |new: &str| ResetPasswordRequest { id: id.clone(), new_password: new.to_owned() };
    let weak = stack.users().reset_password(reset("short")).await.unwrap_err();
    assert_eq!(weak.code(), Code::InvalidArgument);
    stack.users().reset_password(reset("another one")).await.unwrap();
    assert_eq!(ask(&stack, &session, Verb::Read).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(stack.login_as("otto", PASSWORD, "").await.is_err());
    assert!(stack.login_as("otto", "another one", "").await.unwrap().must_change_password);
    let unknown = ResetPasswordRequest { id: "nobody".to_owned(), new_password: "another one".to_owned() };
    assert_eq!(stack.users().reset_password(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn names_are_unique_and_lists_show_no_hashes() {
    let stack = Stack::start().await;
    stack.create_user("otto", Role::Operator).await;
    let again =
        CreateUserRequest { name: "otto".to_owned(), password: PASSWORD.to_owned(), ..CreateUserRequest::default() };
    assert_eq!(stack.users().create_user(again).await.unwrap_err().code(), Code::AlreadyExists);
    let users = stack.users().list_users(ListUsersRequest {}).await.unwrap().into_inner().users;
    let names: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.role())).collect();
    assert_eq!(names, [("admin", Role::Admin), ("otto", Role::Operator)]);
    assert_eq!(users[0].id, "admin", "existing clients know it by this id");
    assert!(!format!("{users:?}").contains("argon2"));
}

#[tokio::test]
async fn stars_are_marked_once() {
    let stack = Stack::start().await;
    let star =
        |name: &str, starred| SetStarRequest { user_id: "admin".to_owned(), application: name.to_owned(), starred };
    for name in ["plex", "gitea", "plex"] {
        stack.users().set_star(star(name, true)).await.unwrap();
    }
    let after = stack.users().set_star(star("none", false)).await.unwrap().into_inner().applications;
    assert_eq!(after, ["gitea", "plex"]);
    let after = stack.users().set_star(star("plex", false)).await.unwrap().into_inner().applications;
    assert_eq!(after, ["gitea"]);
}
