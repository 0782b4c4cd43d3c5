//! Codes that change every 30 seconds.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_proto::auth::v1::{
    AuthorizeRequest, DeleteFactorRequest, Factor, FactorNeed, GetFactorRequest, RegisterFactorRequest,
    ResetFactorRequest, Role, TestFactorRequest, ValidateFactorRequest, factor::State,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use totp_rs::{Builder, Secret};

use crate::stack::{PASSWORD, Stack};

/// The first administrator's id.
const ADMIN: &str = "admin";

/// The code of a secret, some steps from now.
pub(crate) fn code(secret: &str, steps: u64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    totp.generate(now + 30 * steps).to_string()
}

async fn register(stack: &Stack, code: &str) -> Result<String, Status> {
    let request = RegisterFactorRequest {
        user_id: ADMIN.to_owned(),
        code: code.to_owned(),
        client_address: "192.0.2.1".to_owned(),
    };
    Ok(stack.factors().register_factor(request).await?.into_inner().secret)
}

async fn validate(stack: &Stack, code: &str, always_on: Option<bool>) -> Result<String, Status> {
    let (user_id, client_address) = (ADMIN.to_owned(), "192.0.2.1".to_owned());
    let request = ValidateFactorRequest { user_id, code: code.to_owned(), client_address, always_on };
    Ok(stack.factors().validate_factor(request).await?.into_inner().token)
}

async fn status(stack: &Stack) -> Factor {
    let request = GetFactorRequest { user_id: ADMIN.to_owned() };
    stack.factors().get_factor(request).await.unwrap().into_inner().factor.unwrap()
}

/// A secret that counts, and its proof.
async fn enrol(stack: &Stack) -> (String, String) {
    let secret = register(stack, "").await.unwrap();
    let proof = validate(stack, &code(&secret, 0), None).await.unwrap();
    (secret, proof)
}

async fn ask(stack: &Stack, authorization: &str, proof: &str, need: FactorNeed) -> Result<(), Status> {
    let request = AuthorizeRequest {
        authorization: authorization.to_owned(),
        method: "GET".to_owned(),
        path: "/tokens".to_owned(),
        second_factor: proof.to_owned(),
        factor_need: need.into(),
        ..AuthorizeRequest::default()
    };
    stack.auth().authorize(request).await.map(drop)
}

fn basic() -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("admin:{PASSWORD}")))
}

#[track_caller]
fn assert_missing(answer: Result<(), Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(status.metadata().get("second-factor").unwrap(), "missing");
}

#[tokio::test]
async fn a_secret_counts_from_its_first_right_code_on() {
    let stack = Stack::start().await;
    assert_eq!(status(&stack).await.state(), State::Unregistered);
    let request = RegisterFactorRequest { user_id: ADMIN.to_owned(), ..RegisterFactorRequest::default() };
    let made = stack.factors().register_factor(request).await.unwrap().into_inner();
    assert!(made.url.starts_with(&format!("otpauth://totp/SPR-OTP:admin?secret={}", made.secret)), "{}", made.url);
    assert!(made.qr_svg.starts_with("<svg ") && made.qr_svg.ends_with("</svg>"));
    assert_eq!(status(&stack).await.state(), State::Unconfirmed);
    ask(&stack, &basic(), "", FactorNeed::Required).await.expect("it does not count yet");
    let secret = register(&stack, "").await.expect("whoever lost the first picture takes another");
    assert_eq!(validate(&stack, &code(&made.secret, 0), None).await.unwrap_err().code(), Code::PermissionDenied);
    validate(&stack, &code(&secret, 0), None).await.unwrap();
    assert_eq!(status(&stack).await.state(), State::Confirmed);
}

#[tokio::test]
async fn what_asks_for_it_is_refused_without_it() {
    let stack = Stack::start().await;
    let token = stack.create_token("ci", &[], None).await.unwrap().secret;
    let bearer = format!("Bearer {token}");
    ask(&stack, &basic(), "", FactorNeed::Required).await.expect("nobody has one");
    ask(&stack, &bearer, "", FactorNeed::Required).await.expect("nobody has one");
    let (_, proof) = enrol(&stack).await;
    assert_missing(ask(&stack, &basic(), "", FactorNeed::Required).await);
    assert_missing(ask(&stack, &basic(), "nonsense", FactorNeed::Required).await);
    ask(&stack, &basic(), &proof, FactorNeed::Required).await.unwrap();
    ask(&stack, &basic(), "", FactorNeed::Unspecified).await.expect("all else goes on without");
    // Whoever took a token from a script must not be able to make more of them.
    let refused = ask(&stack, &bearer, &proof, FactorNeed::Required).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    ask(&stack, &bearer, "", FactorNeed::Unspecified).await.unwrap();
    // Another person without one is asked for none.
    stack.create_user("ada", Role::Admin).await;
    let session = stack.login_as("ada", PASSWORD, "").await.unwrap().token;
    ask(&stack, &format!("Bearer {session}"), "", FactorNeed::Required).await.unwrap();
    ask(&stack, &format!("Bearer {session}"), &proof, FactorNeed::Required).await.unwrap();
}

#[tokio::test]
async fn it_can_be_wanted_always() {
    let mut stack = Stack::start().await;
    let (secret, _) = enrol(&stack).await;
    let proof = validate(&stack, &code(&secret, 1), Some(true)).await.unwrap();
    assert!(status(&stack).await.always_on);
    let session = format!("Bearer {}", stack.login(PASSWORD, "").await.unwrap().token);
    for credential in [basic(), session] {
        assert_missing(ask(&stack, &credential, "", FactorNeed::Unspecified).await);
        ask(&stack, &credential, &proof, FactorNeed::Unspecified).await.unwrap();
        ask(&stack, &credential, "", FactorNeed::Never).await.expect("or it could never be shown");
    }
    stack.restart().await;
    assert_missing(ask(&stack, &basic(), &proof, FactorNeed::Unspecified).await);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let stack = Stack::start().await;
    let secret = register(&stack, "").await.unwrap();
    let shown = code(&secret, 0);
    validate(&stack, &shown, None).await.unwrap();
    assert_eq!(validate(&stack, &shown, None).await.unwrap_err().code(), Code::PermissionDenied);
    validate(&stack, &code(&secret, 1), None).await.unwrap();
}

#[tokio::test]
async fn replacing_or_deleting_takes_a_code() {
    let stack = Stack::start().await;
    let (secret, _) = enrol(&stack).await;
    assert_eq!(register(&stack, "").await.unwrap_err().code(), Code::PermissionDenied);
    let delete = |code: String| {
        let (user_id, client_address) = (ADMIN.to_owned(), String::new());
        let mut factors = stack.factors();
        async move { factors.delete_factor(DeleteFactorRequest { user_id, code, client_address }).await }
    };
    assert_eq!(delete("000000".to_owned()).await.unwrap_err().code(), Code::PermissionDenied);
    delete(code(&secret, 1)).await.unwrap();
    assert_eq!(status(&stack).await.state(), State::Unregistered);
    assert_eq!(delete(String::new()).await.unwrap_err().code(), Code::FailedPrecondition);
    ask(&stack, &basic(), "", FactorNeed::Required).await.unwrap();
}

#[tokio::test]
async fn five_wrong_codes_lock_out_for_a_quarter_of_an_hour() {
    let stack = Stack::start().await;
    let (secret, _) = enrol(&stack).await;
    for _ in 0..5 {
        assert_eq!(validate(&stack, "000000", None).await.unwrap_err().code(), Code::PermissionDenied);
    }
    let locked = validate(&stack, &code(&secret, 1), None).await.unwrap_err();
    assert_eq!(locked.code(), Code::ResourceExhausted);
    let after: u64 = locked.metadata().get("retry-after-seconds").unwrap().to_str().unwrap().parse().unwrap();
    assert!((890..=900).contains(&after), "{after}");
    let mut told = Vec::new();
    while !told.last().is_some_and(|event: &String| event.contains("locked out")) {
        told.push(stack.auth_event().await);
    }
    assert!(told.iter().any(|event| event.starts_with("auth:failure") && event.contains("wrong code")), "{told:?}");
}

#[tokio::test]
async fn of_many_guesses_at_once_five_are_looked_at() {
    let stack = Stack::start().await;
    enrol(&stack).await;
    let mut guesses = JoinSet::new();
    for number in 0..60 {
        let mut factors = stack.factors();
        let (user_id, code, client_address) = (ADMIN.to_owned(), "000000".to_owned(), String::new());
        guesses.spawn(async move {
            let status = match number % 3 {
                0 => {
                    let request = RegisterFactorRequest { user_id, code, client_address };
                    factors.register_factor(request).await.unwrap_err()
                }
                1 => {
                    let request = DeleteFactorRequest { user_id, code, client_address };
                    factors.delete_factor(request).await.unwrap_err()
                }
                _ => {
                    let request = ValidateFactorRequest { user_id, code, client_address, always_on: None };
                    factors.validate_factor(request).await.unwrap_err()
                }
            };
            status.code()
        });
    }
    let answers = guesses.join_all().await;
    let count = |wanted: Code| answers.iter().filter(|code| **code == wanted).count();
    assert_eq!((count(Code::PermissionDenied), count(Code::ResourceExhausted)), (5, 55), "{answers:?}");
}

#[tokio::test]
async fn whoever_lost_it_is_helped_by_an_administrator() {
    let stack = Stack::start().await;
    let (_, proof) = enrol(&stack).await;
    let test = |token: &str| TestFactorRequest {
        user_id: ADMIN.to_owned(),
        token: token.to_owned(),
        client_address: String::new(),
    };
    stack.factors().test_factor(test(&proof)).await.unwrap();
    assert_eq!(stack.factors().test_factor(test("x")).await.unwrap_err().code(), Code::Unauthenticated);
    stack.factors().reset_factor(ResetFactorRequest { user_id: ADMIN.to_owned() }).await.unwrap();
    assert_eq!(status(&stack).await.state(), State::Unregistered);
    let unknown = stack.factors().reset_factor(ResetFactorRequest { user_id: "nobody".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn wrong_proofs_are_counted_and_right_ones_always_work() {
    let settings = [("HOMEPORT_ADMIN_PASSWORD", PASSWORD), ("HOMEPORT_AUTH__LOCKOUT__TOKENS_PER_ADDRESS", "3")];
    let stack = Stack::with(&settings).await;
    let (_, proof) = enrol(&stack).await;
    let ask = async |proof: &str| {
        let request = AuthorizeRequest {
            authorization: basic(),
            method: "GET".to_owned(),
            path: "/tokens".to_owned(),
            client_address: "192.0.2.1".to_owned(),
            second_factor: proof.to_owned(),
            factor_need: FactorNeed::Required.into(),
            ..AuthorizeRequest::default()
        };
        stack.auth().authorize(request).await.map(drop)
    };
    for guess in ["a", "b", "b", "c"] {
        assert_missing(ask(guess).await);
    }
    assert_eq!(ask("d").await.unwrap_err().code(), Code::ResourceExhausted);
    assert_missing(ask("").await);
    ask(&proof).await.unwrap();
    let client_address = "192.0.2.1".to_owned();
    let request = TestFactorRequest { user_id: ADMIN.to_owned(), token: "e".to_owned(), client_address };
    let locked = stack.factors().test_factor(request).await.unwrap_err();
    assert_eq!(locked.code(), Code::ResourceExhausted, "it is the same guess elsewhere");
}
