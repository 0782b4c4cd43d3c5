//! Signing in at an OpenID provider.

use std::sync::Arc;

use homeport_proto::auth::v1::{
    BeginOidcLoginRequest, FinishOidcLoginRequest, GetOidcStatusRequest, ListUsersRequest, LoginResponse,
    ResetPasswordRequest, Role, UpdateUserRequest,
};
use serde_json::{Value, json};
use tonic::{Code, Status};
use url::Url;

use crate::{
    provider::{CLIENT, Kind, Provider, REDIRECT, SECRET, Trick},
    stack::{PASSWORD, Stack},
};

async fn stack(provider: &Provider, more: &[(&str, &str)]) -> Stack {
    let settings = [
        ("HOMEPORT_ADMIN_PASSWORD", PASSWORD),
        ("HOMEPORT_AUTH__OIDC__ISSUER", &provider.issuer),
        ("HOMEPORT_AUTH__OIDC__CLIENT_ID", CLIENT),
        ("HOMEPORT_AUTH__OIDC__CLIENT_SECRET", SECRET),
        ("HOMEPORT_AUTH__OIDC__REDIRECT_URL", REDIRECT),
        ("HOMEPORT_AUTH__OIDC__ROLES__VIEWER", "[\"family\"]"),
        ("HOMEPORT_AUTH__OIDC__ROLES__ADMIN", "[\"wheel\"]"),
    ];
    Stack::with(&[&settings, more].concat()).await
}

async fn anne() -> Arc<Provider> {
    Provider::start(claims_of_anne()).await
}

fn claims_of_anne() -> Value {
    json!({ "sub": "248289761001", "preferred_username": "anne", "email": "anne@example.org", "groups": ["family"] })
}

async fn visit(stack: &Stack) -> Result<FinishOidcLoginRequest, Status> {
    visit_from(stack, "192.0.2.1").await
}

/// What the browser brings back: state, code, and what it was told to keep.
async fn visit_from(stack: &Stack, address: &str) -> Result<FinishOidcLoginRequest, Status> {
    let client_address = address.to_owned();
    let begun = stack.oidc().begin_oidc_login(BeginOidcLoginRequest { client_address }).await?.into_inner();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(&begun.url).send().await.unwrap();
    assert_eq!(answer.status(), http::StatusCode::FOUND, "{}", answer.text().await.unwrap());
    let back = Url::parse(answer.headers()[http::header::LOCATION].to_str().unwrap()).unwrap();
    let parameter = |wanted: &str| back.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
    Ok(FinishOidcLoginRequest {
        state: parameter("state"),
        code: parameter("code"),
        binding: begun.binding,
        client_address: "192.0.2.1".to_owned(),
        user_agent: "a browser".to_owned(),
    })
}

async fn finish(stack: &Stack, back: FinishOidcLoginRequest) -> Result<LoginResponse, Status> {
    Ok(stack.oidc().finish_oidc_login(back).await?.into_inner().login.unwrap())
}

async fn login(stack: &Stack) -> Result<LoginResponse, Status> {
    finish(stack, visit(stack).await?).await
}

#[tokio::test]
async fn somebody_new_gets_an_account_with_the_role_of_the_groups() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    let login = login(&stack).await.unwrap();
    let principal = stack.authorize(&format!("Bearer {}", login.token), "GET /").await.unwrap().principal.unwrap();
    assert_eq!((principal.name.as_str(), principal.role()), ("anne", Role::Viewer));
    let users = stack.users().list_users(ListUsersRequest {}).await.unwrap().into_inner().users;
    let anne = users.iter().find(|user| user.name == "anne").unwrap();
    assert_eq!(anne.email, "anne@example.org");
    assert!(stack.login_as("anne", "", "").await.is_err(), "there is no password to guess");
}

#[tokio::test]
async fn the_role_follows_the_groups_and_the_account_the_person() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    let first = login(&stack).await.unwrap().principal.unwrap();
    provider.set("groups", json!(["family", "wheel"]));
    provider.set("preferred_username", json!("anna"));
    let second = login(&stack).await.unwrap().principal.unwrap();
    assert_eq!((second.id.as_str(), second.name.as_str(), second.role()), (first.id.as_str(), "anne", Role::Admin));
    provider.set("groups", json!(["strangers"]));
    assert_eq!(login(&stack).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn another_password_ends_what_the_provider_began() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    let begun = login(&stack).await.unwrap();
    let id = begun.principal.unwrap().id;
    let request = ResetPasswordRequest { id, new_password: "a good one".to_owned() };
    stack.users().reset_password(request).await.unwrap();
    let refused = stack.authorize(&format!("Bearer {}", begun.token), "GET /").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn groups_may_come_from_the_other_document() {
    let provider = anne().await;
    provider.person.lock().unwrap().remove("groups");
    *provider.more.lock().unwrap() = json!({ "sub": "248289761001", "groups": ["wheel"] });
    let stack = stack(&provider, &[]).await;
    assert_eq!(login(&stack).await.unwrap().principal.unwrap().role(), Role::Admin);
    *provider.more.lock().unwrap() = json!({ "sub": "somebody else", "groups": ["wheel"] });
    assert_eq!(login(&stack).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn what_is_not_the_providers_word_is_refused() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    tricks_are_refused(&provider, &stack).await;
}

/// What most providers sign with, since it is the one that all of them must offer.
#[tokio::test]
async fn the_providers_key_may_be_an_rsa_key() {
    let provider = Provider::signing(Kind::Rsa, claims_of_anne()).await;
    let stack = stack(&provider, &[]).await;
    tricks_are_refused(&provider, &stack).await;
    *provider.trick.lock().unwrap() = Trick::None;
    let principal = login(&stack).await.unwrap().principal.unwrap();
    assert_eq!((principal.name.as_str(), principal.role()), ("anne", Role::Viewer));
}

async fn tricks_are_refused(provider: &Provider, stack: &Stack) {
    for trick in [
        Trick::OtherNonce,
        Trick::OtherAudience,
        Trick::OtherIssuer,
        Trick::Expired,
        Trick::OtherKey,
        Trick::Unsigned,
        Trick::NoIdentity,
    ] {
        *provider.trick.lock().unwrap() = trick;
        assert_eq!(login(stack).await.unwrap_err().code(), Code::Unauthenticated, "{trick:?}");
    }
    let users = stack.users().list_users(ListUsersRequest {}).await.unwrap().into_inner().users;
    assert_eq!(users.len(), 1, "nobody was made");
}

#[tokio::test]
async fn a_sign_in_comes_back_once_and_to_its_browser() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    let back = visit(&stack).await.unwrap();
    finish(&stack, back.clone()).await.unwrap();
    assert_eq!(finish(&stack, back).await.unwrap_err().code(), Code::Unauthenticated);
    // Somebody sends a link that ends in a sign-in of the sender's choice.
    let (mut mine, theirs) = (visit(&stack).await.unwrap(), visit(&stack).await.unwrap());
    mine.state.clone_from(&theirs.state);
    mine.code.clone_from(&theirs.code);
    assert_eq!(finish(&stack, mine).await.unwrap_err().code(), Code::Unauthenticated);
    // A code of another sign-in does not fit the verifier.
    let (mut one, two) = (visit(&stack).await.unwrap(), visit(&stack).await.unwrap());
    one.code.clone_from(&two.code);
    assert_eq!(finish(&stack, one).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn returns_that_nobody_was_sent_for_are_counted() {
    let provider = anne().await;
    let stack = stack(&provider, &[("HOMEPORT_AUTH__LOCKOUT__TOKENS_PER_ADDRESS", "3")]).await;
    let back = visit(&stack).await.unwrap();
    let guess = |state: &str| FinishOidcLoginRequest { state: state.to_owned(), ..back.clone() };
    for state in ["a", "b", "c"] {
        assert_eq!(finish(&stack, guess(state)).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(finish(&stack, guess("d")).await.unwrap_err().code(), Code::ResourceExhausted);
    finish(&stack, back).await.expect("who was sent comes back all the same");
}

#[tokio::test]
async fn an_address_that_begins_too_many_loses_its_own() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    let other = visit(&stack).await.unwrap();
    let mut begun = Vec::new();
    for port in 1..=33 {
        begun.push(visit_from(&stack, &format!("[2001:db8::{port}]:{port}")).await.unwrap());
    }
    let mut came_in = 0;
    for back in begun {
        came_in += usize::from(finish(&stack, back).await.is_ok());
    }
    assert_eq!(came_in, 32);
    finish(&stack, other).await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_taken_over() {
    let provider = anne().await;
    provider.set("preferred_username", json!("admin"));
    let refusing = stack(&provider, &[]).await;
    let refused = login(&refusing).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("link_by_name"), "{refused}");
    provider.set("groups", json!(["wheel"]));
    let linking = stack(&provider, &[("HOMEPORT_AUTH__OIDC__LINK_BY_NAME", "true")]).await;
    assert_eq!(login(&linking).await.unwrap().principal.unwrap().id, "admin");
    provider.set("groups", json!(["family"]));
    assert_eq!(login(&linking).await.unwrap().principal.unwrap().role(), Role::Admin, "the last one who administers");
}

#[tokio::test]
async fn whoever_is_disabled_here_stays_out() {
    let provider = anne().await;
    let stack = stack(&provider, &[]).await;
    let id = login(&stack).await.unwrap().principal.unwrap().id;
    let request = UpdateUserRequest { id, disabled: Some(true), ..UpdateUserRequest::default() };
    stack.users().update_user(request).await.unwrap();
    assert_eq!(login(&stack).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_provider_that_is_away_or_not_set_is_told() {
    let provider = anne().await;
    let there = stack(&provider, &[]).await;
    let status = there.oidc().get_oidc_status(GetOidcStatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.configured, status.problem.as_str()), (true, ""));
    let away = stack(&provider, &[("HOMEPORT_AUTH__OIDC__ISSUER", "http://127.0.0.1:1")]).await;
    assert_eq!(visit(&away).await.unwrap_err().code(), Code::Unavailable);
    let off = Stack::start().await;
    assert_eq!(visit(&off).await.unwrap_err().code(), Code::FailedPrecondition);
    let plain = [("HOMEPORT_AUTH__OIDC__ISSUER", "http://id.example"), ("HOMEPORT_ADMIN_PASSWORD", PASSWORD)];
    let refused = Stack::try_with(&plain).await.err().expect("codes would go over the network in clear");
    assert!(refused.contains("https"), "{refused}");
}
