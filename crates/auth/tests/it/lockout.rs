//! Guessing.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_proto::auth::v1::{CreateTokenRequest, TokenKind};
use tonic::{Code, Status};

use crate::stack::{PASSWORD, Stack};

async fn small() -> Stack {
    Stack::with(&[
        ("HOMEPORT_ADMIN_PASSWORD", PASSWORD),
        ("HOMEPORT_AUTH__LOCKOUT__LOGINS_PER_ADDRESS", "6"),
        ("HOMEPORT_AUTH__LOCKOUT__FAILURES_PER_ADDRESS", "3"),
        ("HOMEPORT_AUTH__LOCKOUT__FAILURES_PER_NAME", "5"),
        ("HOMEPORT_AUTH__LOCKOUT__TOKENS_PER_ADDRESS", "3"),
    ])
    .await
}

fn assert_locked(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let after: u64 = status.metadata().get("retry-after-seconds").unwrap().to_str().unwrap().parse().unwrap();
    assert!((290..=300).contains(&after), "{after}");
}

#[tokio::test]
async fn an_address_is_locked_out_even_with_the_right_password() {
    let stack = small().await;
    for guess in 0..3 {
        let refused = stack.login(&format!("guess {guess}"), "192.0.2.1:4711").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    assert_locked(&stack.login(PASSWORD, "192.0.2.1:4712").await.unwrap_err());
    let basic = "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5";
    assert_locked(&stack.authorize_from(basic, "GET /", "192.0.2.1").await.unwrap_err());
    stack.login(PASSWORD, "192.0.2.2").await.expect("another address is not locked");
}

fn basic(password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("admin:{password}")))
}

#[tokio::test]
async fn a_client_that_repeats_one_wrong_password_is_not_locked_out() {
    let stack = small().await;
    for _ in 0..10 {
        let refused = stack.authorize_from(&basic("outdated password"), "GET /", "192.0.2.1").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    stack.authorize_from(&basic(PASSWORD), "GET /", "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn at_the_form_every_failure_counts_until_one_succeeds() {
    let stack = small().await;
    for round in 0..2 {
        for _ in 0..5 {
            let refused = stack.login("outdated password", "192.0.2.1").await.unwrap_err();
            assert_eq!(refused.code(), Code::Unauthenticated, "round {round}");
        }
        stack.login(PASSWORD, "192.0.2.1").await.unwrap();
    }
    for _ in 0..6 {
        stack.login("outdated password", "192.0.2.1").await.unwrap_err();
    }
    assert_locked(&stack.login(PASSWORD, "192.0.2.1").await.unwrap_err());
    stack.login(PASSWORD, "192.0.2.2").await.expect("another address is not locked");
}

#[tokio::test]
async fn a_name_is_locked_out_wherever_the_guesses_come_from() {
    let stack = small().await;
    for guess in 0..5 {
        stack.login(&format!("guess {guess}"), &format!("192.0.2.{guess}")).await.unwrap_err();
        stack.login_as("nobody", &format!("guess {guess}"), &format!("198.51.100.{guess}")).await.unwrap_err();
    }
    assert_locked(&stack.login(PASSWORD, "192.0.2.99").await.unwrap_err());
    assert_locked(&stack.login_as("nobody", "x", "192.0.2.99").await.unwrap_err());
}

#[tokio::test]
async fn wrong_tokens_are_counted_and_right_ones_always_work() {
    let stack = small().await;
    let token = stack.create_token("ci", &[], None).await.unwrap();
    for guess in ["a", "b.b.b", "c"] {
        let refused = stack.authorize_from(&format!("Bearer {guess}"), "GET /", "192.0.2.1").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    assert_locked(&stack.authorize_from("Bearer d", "GET /", "192.0.2.1").await.unwrap_err());
    stack.authorize_from(&format!("Bearer {}", token.secret), "GET /", "192.0.2.1").await.unwrap();
}

/// A token of a kind, which reaches everything that tokens of this kind can.
async fn token_of(stack: &Stack, kind: TokenKind) -> String {
    let request = CreateTokenRequest {
        name: format!("{kind:?}"),
        kind: kind.into(),
        subject: "web".to_owned(),
        user_id: "admin".to_owned(),
        scopes: vec!["/".to_owned()],
        ..CreateTokenRequest::default()
    };
    stack.token_service().create_token(request).await.unwrap().into_inner().secret
}

/// The same with other characters at its end.
fn guess(secret: &str, number: usize) -> String {
    format!("{}{number:04}", &secret[..secret.len() - 4])
}

#[tokio::test]
async fn every_kind_of_token_is_guessed_at_as_slowly_and_always_works() {
    let stack = small().await;
    let kinds = [
        TokenKind::Api,
        TokenKind::Key,
        TokenKind::Plugin,
        TokenKind::Ui,
        TokenKind::Device,
        TokenKind::Supervisor,
        TokenKind::Project,
    ];
    let mut secrets = vec![stack.login(PASSWORD, "192.0.2.250").await.unwrap().token];
    for kind in kinds {
        secrets.push(token_of(&stack, kind).await);
    }
    for (number, secret) in secrets.iter().enumerate() {
        let address = format!("192.0.2.{number}");
        let ask = async |token: &str| {
            stack.authorize_from(&format!("Bearer {token}"), "GET /plugins/web/x", &address).await.map(drop)
        };
        for one in 0..3 {
            let refused = ask(&guess(secret, one)).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unauthenticated, "kind {number}");
        }
        assert_locked(&ask(&guess(secret, 3)).await.unwrap_err());
        ask(secret).await.unwrap_or_else(|refused| panic!("kind {number}: {refused:?}"));
    }
}

#[tokio::test]
async fn the_present_password_is_guessed_at_as_slowly_as_any() {
    let stack = small().await;
    for one in 0..3 {
        let refused = stack.change_password_from(&format!("guess {one}"), "192.0.2.1").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    assert_locked(&stack.change_password_from(PASSWORD, "192.0.2.1").await.unwrap_err());
}

/// Strangers guess until a name is locked.
async fn lock(stack: &Stack, name: &str) {
    for guess in 0..5 {
        let address = format!("192.0.2.{guess}");
        stack.login_as(name, &format!("guess {guess}"), &address).await.unwrap_err();
    }
    assert_locked(&stack.login_as(name, PASSWORD, "192.0.2.99").await.unwrap_err());
}

#[tokio::test]
async fn strangers_do_not_lock_a_name_where_its_owner_has_signed_in() {
    let mut stack = small().await;
    stack.login(PASSWORD, "198.51.100.7:4711").await.unwrap();
    stack.authorize_from(&basic(PASSWORD), "GET /", "2001:db8:0:1::1").await.unwrap();
    stack.restart().await;
    lock(&stack, "admin").await;
    stack.login(PASSWORD, "198.51.100.7:4712").await.expect("it is where the owner has been");
    stack.login(PASSWORD, "[2001:db8:0:1:ffff::2]:4711").await.expect("it is the owner's network");
    stack.login(PASSWORD, "127.0.0.1:4711").await.expect("it is the machine itself");
    assert_locked(&stack.login(PASSWORD, "192.0.2.98").await.unwrap_err());
    for guess in 0..3 {
        assert_locked(&stack.login(&format!("guess {guess}"), "198.51.100.7").await.unwrap_err());
    }
    let refused = stack.login(PASSWORD, "198.51.100.7").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "the address's own failures count there");
}

#[tokio::test]
async fn where_somebody_signs_in_tells_nothing_about_others() {
    let stack = small().await;
    stack.create_user("bob", homeport_proto::auth::v1::Role::Viewer).await;
    stack.login(PASSWORD, "198.51.100.7").await.unwrap();
    for address in ["198.51.100.8", "198.51.100.9"] {
        stack.login_as("bob", PASSWORD, address).await.unwrap();
    }
    for name in ["admin", "bob", "nobody"] {
        lock(&stack, name).await;
    }
    // Each where the other has been, both with the right password.
    assert_locked(&stack.login(PASSWORD, "198.51.100.8").await.unwrap_err());
    assert_locked(&stack.login_as("bob", PASSWORD, "198.51.100.7").await.unwrap_err());
    // Whether the one has been there, the other, or nobody is such a one: a wrong password is answered the same.
    let said = async |name: &str| stack.login_as(name, "wrong", "198.51.100.9").await.unwrap_err();
    let (known, other, nobody) = (said("bob").await, said("admin").await, said("nobody").await);
    assert_locked(&known);
    assert_eq!((known.code(), known.message()), (other.code(), other.message()));
    assert_eq!((known.code(), known.message()), (nobody.code(), nobody.message()));
}

#[tokio::test]
async fn of_very_many_addresses_the_oldest_is_forgotten() {
    let stack = small().await;
    for number in 0..17 {
        stack.login(PASSWORD, &format!("198.51.100.{number}")).await.unwrap();
    }
    lock(&stack, "admin").await;
    assert_locked(&stack.login(PASSWORD, "198.51.100.0").await.unwrap_err());
    for number in [1, 16] {
        stack.login(PASSWORD, &format!("198.51.100.{number}")).await.unwrap();
    }
}
