//! Users and tokens of other installations.

use homeport_proto::auth::v1::{ImportRequest, ImportedToken, ImportedUser, Role, TokenKind};
use tonic::Code;

use crate::stack::{PASSWORD, Stack};

/// By `crypt(3)` and by Python's `pbkdf2_hmac`, of `correct horse`.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
const PBKDF2: &str = "$pbkdf2-sha256$100000$AAECAwQFBgcICQoLDA0ODw$V/LC8HOXSNUWQZsGKohGZjI8WD6krhZVBKgfe1PGKgk";

fn user(id: &str, name: &str, hash: &str, password: &str) -> ImportedUser {
    ImportedUser {
        id: id.to_owned(),
        name: name.to_owned(),
        email: String::new(),
        role: Role::Operator.into(),
        password_hash: hash.to_owned(),
        password: password.to_owned(),
    }
}

fn token(name: &str, secret: &str, kind: TokenKind, user: &str) -> ImportedToken {
    ImportedToken {
        name: name.to_owned(),
        secret: secret.to_owned(),
        scopes: vec![],
        expires_at: None,
        kind: kind.into(),
        user_id: user.to_owned(),
    }
}

#[tokio::test]
async fn hashes_of_others_sign_in_and_are_made_anew() {
    let mut stack = Stack::start().await;
    let key = format!("hlr_{}", "0123456789abcdef".repeat(4));
    let request = ImportRequest {
        replace: false,
        users: vec![
            user("user_1", "bea", BCRYPT, ""),
            user("", "paul", PBKDF2, ""),
            user("", "clara", "", "in clear"),
            user("there", "admin", BCRYPT, ""),
            user("", "eve", "$1$x$y", ""),
        ],
        tokens: vec![
            token("phone", &key, TokenKind::Key, "user_1"),
            token("script", &"A".repeat(43), TokenKind::Api, ""),
            token("lost", &"B".repeat(43), TokenKind::Key, "user_9"),
            token("short", "abc", TokenKind::Api, ""),
        ],
    };
    let done = stack.users().import(request.clone()).await.unwrap().into_inner();
    assert_eq!((done.users, done.tokens), (3, 2), "{done:?}");
    let skipped = ["user admin: there is a user admin already", "user eve: the password's hash is of no kind"];
    for text in skipped.into_iter().chain(["token lost: there is no user user_9", "token short: a token's secret"]) {
        assert!(done.skipped.iter().any(|line| line.starts_with(text)), "{text} is not in {:?}", done.skipped);
    }
    assert!(!format!("{done:?}").contains("hlr_"));
    for (name, password) in [("bea", "correct horse"), ("paul", "correct horse"), ("clara", "in clear")] {
        assert_eq!(stack.login_as(name, "wrong", "").await.unwrap_err().code(), Code::Unauthenticated);
        stack.login_as(name, password, "").await.unwrap();
    }
    stack.login(PASSWORD, "").await.expect("the administrator keeps the password");
    let owner = stack.authorize(&format!("Bearer {key}"), "GET /").await.unwrap().principal.unwrap();
    assert_eq!((owner.name.as_str(), owner.user_id.as_str(), owner.role()), ("bea", "user_1", Role::Operator));
    stack.authorize(&format!("Bearer {}", "A".repeat(43)), "GET /").await.unwrap();
    let again = stack.users().import(request).await.unwrap().into_inner();
    assert_eq!((again.users, again.tokens, again.skipped.len()), (0, 0, 9));
    let replace = ImportRequest { users: vec![user("", "admin", BCRYPT, "")], tokens: vec![], replace: true };
    assert_eq!(stack.users().import(replace).await.unwrap().into_inner().users, 1);
    assert_eq!(stack.login(PASSWORD, "").await.unwrap_err().code(), Code::Unauthenticated);
    stack.login("correct horse", "").await.unwrap();
    stack.stop().await;
    let database = std::fs::read(stack.file("auth.db")).unwrap();
    for secret in ["in clear", key.as_str()] {
        assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is there");
    }
}

#[tokio::test]
async fn an_odd_token_ends_nothing_but_itself() {
    let stack = Stack::start().await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let secret = |letter: &str| letter.repeat(43);
    let request = ImportRequest {
        tokens: vec![
            token("of nobody", &secret("A"), TokenKind::Key, ""),
            ImportedToken { expires_at: at(1_700_000_000), ..token("over", &secret("B"), TokenKind::Api, "") },
            ImportedToken { expires_at: at(i64::MIN), ..token("long over", &secret("C"), TokenKind::Api, "") },
            ImportedToken { expires_at: at(i64::MAX), ..token("as good as never", &secret("D"), TokenKind::Api, "") },
        ],
        ..ImportRequest::default()
    };
    let done = stack.users().import(request).await.unwrap().into_inner();
    let skipped: Vec<_> = done.skipped.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!((done.tokens, skipped), (1, vec!["token of nobody", "token over", "token long over"]));
    stack.authorize(&format!("Bearer {}", secret("A")), "GET /").await.expect_err("it could do everything");
    stack.authorize(&format!("Bearer {}", secret("D")), "GET /").await.unwrap();
}

#[tokio::test]
async fn homelabarr_3_6_a_password_that_everybody_knows_is_good_on_the_machine_alone() {
    let stack = Stack::start().await;
    let hash = bcrypt::hash("admin", 4).unwrap();
    let users = vec![user("user_2", "otto", &hash, "")];
    stack.users().import(ImportRequest { users, ..ImportRequest::default() }).await.unwrap();
    for address in ["192.0.2.1", "172.18.0.1:4711", ""] {
        assert_eq!(stack.login_as("otto", "admin", address).await.unwrap_err().code(), Code::PermissionDenied);
    }
    let basic = "Basic b3R0bzphZG1pbg==";
    assert_eq!(stack.authorize_from(basic, "GET /", "192.0.2.1").await.unwrap_err().code(), Code::PermissionDenied);
    stack.authorize_from(basic, "GET /", "127.0.0.1").await.unwrap();
    // Also within the minute in which it is remembered.
    assert_eq!(stack.authorize_from(basic, "GET /", "192.0.2.1").await.unwrap_err().code(), Code::PermissionDenied);
    let here = stack.login_as("otto", "admin", "127.0.0.1:4711").await.unwrap();
    assert!(here.must_change_password);
}
