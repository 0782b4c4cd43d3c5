//! Passkeys, with a device that keeps them.

use homeport_proto::auth::v1::{
    AuthorizeRequest, BeginPasskeyLoginRequest, BeginRegistrationRequest, BeginValidationRequest, DeletePasskeyRequest,
    EndPasskeyLoginRequest, FactorNeed, FinishPasskeyLoginRequest, FinishPasskeyLoginResponse,
    FinishRegistrationRequest, FinishValidationRequest, ListPasskeysRequest, Passkey, RegisterFactorRequest,
    ResetFactorRequest, ResetPasswordRequest, Role, UpdateUserRequest, ValidateFactorRequest,
};
use tonic::{Code, Status};

use crate::{
    authenticator::Authenticator,
    factors::code,
    stack::{PASSWORD, Stack},
};

const ORIGIN: &str = "https://nas.example";
const ADMIN: &str = "admin";

async fn begin(stack: &Stack, user: &str, origin: &str) -> Result<(String, String), Status> {
    let request = BeginRegistrationRequest {
        user_id: user.to_owned(),
        origin: origin.to_owned(),
        client_address: "192.0.2.1".to_owned(),
    };
    let begun = stack.passkeys().begin_registration(request).await?.into_inner();
    Ok((begun.session, begun.options))
}

async fn finish(stack: &Stack, user: &str, session: &str, credential: &str) -> Result<Passkey, Status> {
    let request = FinishRegistrationRequest {
        user_id: user.to_owned(),
        session: session.to_owned(),
        credential: credential.to_owned(),
        name: "telephone".to_owned(),
        client_address: "192.0.2.1".to_owned(),
    };
    Ok(stack.passkeys().finish_registration(request).await?.into_inner().passkey.unwrap())
}

async fn register(stack: &Stack, user: &str) -> Authenticator {
    let (session, options) = begin(stack, user, ORIGIN).await.unwrap();
    let (device, credential) = Authenticator::create(&options, ORIGIN);
    finish(stack, user, &session, &credential).await.unwrap();
    device
}

async fn begin_login(stack: &Stack, address: &str) -> Result<(String, String), Status> {
    let request = BeginPasskeyLoginRequest { origin: ORIGIN.to_owned(), client_address: address.to_owned() };
    let begun = stack.passkeys().begin_passkey_login(request).await?.into_inner();
    Ok((begun.session, begun.options))
}

async fn finish_login(
    stack: &Stack,
    session: &str,
    credential: &str,
    address: &str,
) -> Result<FinishPasskeyLoginResponse, Status> {
    let request = FinishPasskeyLoginRequest {
        session: session.to_owned(),
        credential: credential.to_owned(),
        client_address: address.to_owned(),
    };
    Ok(stack.passkeys().finish_passkey_login(request).await?.into_inner())
}

async fn login(stack: &Stack, device: &mut Authenticator) -> Result<FinishPasskeyLoginResponse, Status> {
    let (session, options) = begin_login(stack, "192.0.2.1").await?;
    finish_login(stack, &session, &device.get(&options, ORIGIN), "192.0.2.1").await
}

/// The answer to a passkey that is shown as second factor.
async fn show(stack: &Stack, device: &mut Authenticator) -> FinishValidationRequest {
    let (user_id, client_address) = (ADMIN.to_owned(), "192.0.2.1".to_owned());
    let request = BeginValidationRequest {
        user_id: user_id.clone(),
        origin: ORIGIN.to_owned(),
        client_address: client_address.clone(),
    };
    let begun = stack.passkeys().begin_validation(request).await.unwrap().into_inner();
    let credential = device.get(&begun.options, ORIGIN);
    FinishValidationRequest { user_id, session: begun.session, credential, client_address }
}

/// Asks for a secret of codes, with a code or a proof.
async fn make_secret(stack: &Stack, shown: &str) -> Result<String, Status> {
    let (user_id, code) = (ADMIN.to_owned(), shown.to_owned());
    let request = RegisterFactorRequest { user_id, code, client_address: "192.0.2.1".to_owned() };
    Ok(stack.factors().register_factor(request).await?.into_inner().secret)
}

async fn validate_code(stack: &Stack, secret: &str) -> Result<(), Status> {
    let request =
        ValidateFactorRequest { user_id: ADMIN.to_owned(), code: code(secret, 0), ..ValidateFactorRequest::default() };
    stack.factors().validate_factor(request).await.map(drop)
}

#[tokio::test]
async fn a_passkey_signs_in_and_its_token_can_be_ended() {
    let stack = Stack::start().await;
    let mut device = register(&stack, ADMIN).await;
    let signed_in = login(&stack, &mut device).await.unwrap();
    assert_eq!(signed_in.name, "admin");
    let bearer = format!("Bearer {}", signed_in.token);
    let principal = stack.authorize(&bearer, "GET /").await.unwrap().principal.unwrap();
    assert_eq!((principal.name.as_str(), principal.user_id.as_str()), ("webauthn:admin", ADMIN));
    let second = login(&stack, &mut device).await.unwrap();
    assert_ne!(signed_in.token, second.token);
    let request =
        EndPasskeyLoginRequest { credential_id: principal.credential_id, client_address: "192.0.2.1:9".to_owned() };
    assert!(stack.passkeys().end_passkey_login(request.clone()).await.unwrap().into_inner().ended);
    assert_eq!(stack.authorize(&bearer, "GET /").await.unwrap_err().code(), Code::Unauthenticated);
    stack.authorize(&format!("Bearer {}", second.token), "GET /").await.expect("the other one goes on");
    assert!(!stack.passkeys().end_passkey_login(request).await.unwrap().into_inner().ended);
    assert_eq!(
        stack.event_of(&["auth:logout"]).await,
        r#"auth:logout {"ip":"192.0.2.1:9","name":"admin","type":"user","username":"admin"}"#
    );
    let used = stack.passkeys().list_passkeys(ListPasskeysRequest { user_id: ADMIN.to_owned() }).await.unwrap();
    let used = used.into_inner().passkeys;
    assert_eq!((used[0].name.as_str(), used[0].site.as_str()), ("telephone", "nas.example"));
    assert!(used[0].last_used_at.is_some());
}

#[tokio::test]
async fn a_passkey_is_a_second_factor() {
    let stack = Stack::start().await;
    let session = format!("Bearer {}", stack.login(PASSWORD, "").await.unwrap().token);
    let ask = |proof: String| {
        let request = AuthorizeRequest {
            authorization: session.clone(),
            method: "GET".to_owned(),
            path: "/tokens".to_owned(),
            second_factor: proof,
            factor_need: FactorNeed::Required.into(),
            ..AuthorizeRequest::default()
        };
        let mut auth = stack.auth();
        async move { auth.authorize(request).await }
    };
    ask(String::new()).await.expect("there is none yet");
    let mut device = register(&stack, ADMIN).await;
    assert_eq!(ask(String::new()).await.unwrap_err().code(), Code::Unauthenticated);
    let request = show(&stack, &mut device).await;
    let proof = stack.passkeys().finish_validation(request.clone()).await.unwrap().into_inner().token;
    ask(proof).await.unwrap();
    let again = stack.passkeys().finish_validation(request).await.unwrap_err();
    assert_eq!(again.code(), Code::PermissionDenied, "a ceremony is answered once");
}

#[tokio::test]
async fn whoever_has_passkeys_alone_shows_one_before_a_secret_of_codes_is_made() {
    let stack = Stack::start().await;
    let mut device = register(&stack, ADMIN).await;
    for shown in ["", "000000", "a.b.c"] {
        let refused = make_secret(&stack, shown).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
        assert_eq!(refused.metadata().get("second-factor").unwrap(), "missing");
    }
    let request = show(&stack, &mut device).await;
    let proof = stack.passkeys().finish_validation(request).await.unwrap().into_inner().token;
    let secret = make_secret(&stack, &proof).await.unwrap();
    validate_code(&stack, &secret).await.unwrap();
    let refused = make_secret(&stack, &proof).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "from now on it takes a code");
}

#[tokio::test]
async fn a_secret_that_was_made_before_the_first_passkey_no_longer_waits() {
    let stack = Stack::start().await;
    let secret = make_secret(&stack, "").await.unwrap();
    register(&stack, ADMIN).await;
    assert_eq!(validate_code(&stack, &secret).await.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn what_another_page_or_device_signed_proves_nothing() {
    let stack = Stack::start().await;
    let mut device = register(&stack, ADMIN).await;
    let (session, options) = begin_login(&stack, "192.0.2.1").await.unwrap();
    let elsewhere = device.get(&options, "https://evil.example");
    let refused = finish_login(&stack, &session, &elsewhere, "192.0.2.1").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let (session, options) = begin_login(&stack, "192.0.2.1").await.unwrap();
    let credential = device.get(&options, ORIGIN);
    let refused = finish_login(&stack, &session, &credential, "192.0.2.9").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "it was begun elsewhere");

    let (session, options) = begin_login(&stack, "192.0.2.1").await.unwrap();
    device.verifies = false;
    let unverified = device.get(&options, ORIGIN);
    let refused = finish_login(&stack, &session, &unverified, "192.0.2.1").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "nobody showed a finger");
    device.verifies = true;

    let (_, options) = begin(&stack, ADMIN, ORIGIN).await.unwrap();
    let (mut stranger, _) = Authenticator::create(&options, ORIGIN);
    let (session, options) = begin_login(&stack, "192.0.2.2").await.unwrap();
    let refused = finish_login(&stack, &session, &stranger.get(&options, ORIGIN), "192.0.2.2").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "nobody registered it");
}

#[tokio::test]
async fn a_copied_device_is_noticed_by_its_counter() {
    let stack = Stack::start().await;
    let mut device = register(&stack, ADMIN).await;
    device.counter = 10;
    login(&stack, &mut device).await.unwrap();
    device.counter = 3;
    assert_eq!(login(&stack, &mut device).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn whoever_is_disabled_or_has_deleted_it_stays_out() {
    let stack = Stack::start().await;
    let id = stack.create_user("ada", Role::Operator).await;
    let mut device = register(&stack, &id).await;
    let token = login(&stack, &mut device).await.unwrap().token;
    let request = UpdateUserRequest { id: id.clone(), disabled: Some(true), ..UpdateUserRequest::default() };
    stack.users().update_user(request).await.unwrap();
    assert_eq!(login(&stack, &mut device).await.unwrap_err().code(), Code::Unauthenticated);
    stack.authorize(&format!("Bearer {token}"), "GET /").await.unwrap_err();
    let request = UpdateUserRequest { id: id.clone(), disabled: Some(false), ..UpdateUserRequest::default() };
    stack.users().update_user(request).await.unwrap();
    stack
        .authorize(&format!("Bearer {token}"), "GET /")
        .await
        .expect_err("the sign-in does not come back with the account");
    let listed =
        stack.passkeys().list_passkeys(ListPasskeysRequest { user_id: id.clone() }).await.unwrap().into_inner();
    let passkey = listed.passkeys[0].id.clone();
    let delete = |user: &str| DeletePasskeyRequest {
        user_id: user.to_owned(),
        id: passkey.clone(),
        client_address: "192.0.2.1:9".to_owned(),
    };
    assert_eq!(stack.passkeys().delete_passkey(delete(ADMIN)).await.unwrap_err().code(), Code::NotFound);
    stack.passkeys().delete_passkey(delete(&id)).await.unwrap();
    for topic in ["auth:webauthn:register", "auth:webauthn:delete"] {
        let ip = if topic.ends_with("delete") { "192.0.2.1:9" } else { "192.0.2.1" };
        let payload = format!(r#"{{"credential":"{passkey}","ip":"{ip}","username":"ada"}}"#);
        assert_eq!(stack.event_of(&["auth:webauthn:"]).await, format!("{topic} {payload}"));
    }
    assert_eq!(login(&stack, &mut device).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn another_password_ends_what_a_passkey_began() {
    let stack = Stack::start().await;
    let mut device = register(&stack, ADMIN).await;
    let ask = async |token: &str| stack.authorize(&format!("Bearer {token}"), "GET /").await.map(drop);
    let (mine, other) =
        (login(&stack, &mut device).await.unwrap().token, login(&stack, &mut device).await.unwrap().token);
    let session = stack.login(PASSWORD, "").await.unwrap().token;
    stack.change_password(PASSWORD, "another good one", &mine).await.unwrap();
    ask(&mine).await.expect("the one that the password was changed with goes on");
    for ended in [&other, &session] {
        assert_eq!(ask(ended).await.unwrap_err().code(), Code::Unauthenticated);
    }
    let request = ResetPasswordRequest { id: ADMIN.to_owned(), new_password: "a third good one".to_owned() };
    stack.users().reset_password(request).await.unwrap();
    assert_eq!(ask(&mine).await.unwrap_err().code(), Code::Unauthenticated);
    let again = login(&stack, &mut device).await.expect("the passkey itself stays").token;
    stack.factors().reset_factor(ResetFactorRequest { user_id: ADMIN.to_owned() }).await.unwrap();
    assert_eq!(ask(&again).await.unwrap_err().code(), Code::Unauthenticated, "it was lost with the passkey");
}

#[tokio::test]
async fn another_password_ends_ones_own_sign_ins_alone() {
    let stack = Stack::start().await;
    let id = stack.create_user("ada", Role::Operator).await;
    let mut device = register(&stack, &id).await;
    let token = login(&stack, &mut device).await.unwrap().token;
    let script = stack.create_token("webauthn:of-nobody", &[], None).await.unwrap().secret;
    stack.change_password(PASSWORD, "another good one", "").await.unwrap();
    for token in [&token, &script] {
        stack.authorize(&format!("Bearer {token}"), "GET /").await.expect("it is not the administrator's");
    }
}

#[tokio::test]
async fn five_failures_lock_an_address_out() {
    let stack = Stack::start().await;
    let mut device = register(&stack, ADMIN).await;
    for _ in 0..5 {
        let (session, _) = begin_login(&stack, "192.0.2.1").await.unwrap();
        finish_login(&stack, &session, "{}", "192.0.2.1").await.unwrap_err();
    }
    let locked = begin_login(&stack, "192.0.2.1").await.unwrap_err();
    assert_eq!(locked.code(), Code::ResourceExhausted);
    let after: u64 = locked.metadata().get("retry-after-seconds").unwrap().to_str().unwrap().parse().unwrap();
    assert!((890..=900).contains(&after), "{after}");
    let (session, options) = begin_login(&stack, "192.0.2.2").await.unwrap();
    finish_login(&stack, &session, &device.get(&options, ORIGIN), "192.0.2.2").await.unwrap();
}

#[tokio::test]
async fn five_failures_lock_out_where_it_is_a_second_factor() {
    let stack = Stack::start().await;
    register(&stack, ADMIN).await;
    let begin = async || {
        let (user_id, origin, client_address) = (ADMIN.to_owned(), ORIGIN.to_owned(), "192.0.2.1".to_owned());
        let request = BeginValidationRequest { user_id, origin, client_address };
        stack.passkeys().begin_validation(request).await.map(|begun| begun.into_inner().session)
    };
    for _ in 0..5 {
        let session = begin().await.unwrap();
        let (user_id, client_address) = (ADMIN.to_owned(), "192.0.2.1".to_owned());
        let request = FinishValidationRequest { user_id, session, credential: "{}".to_owned(), client_address };
        stack.passkeys().finish_validation(request).await.unwrap_err();
    }
    assert_eq!(begin().await.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn only_so_many_ceremonies_are_under_way() {
    let stack = Stack::start().await;
    for _ in 0..4 {
        begin_login(&stack, "192.0.2.1").await.unwrap();
    }
    let full = begin_login(&stack, "192.0.2.1").await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted);
    assert!(full.metadata().get("retry-after-seconds").is_some());
    begin_login(&stack, "192.0.2.2").await.unwrap();
}

#[tokio::test]
async fn a_page_needs_a_name_and_has_to_be_listed_if_any_is() {
    let stack = Stack::start().await;
    for origin in ["https://192.0.2.7", "nonsense", ""] {
        assert_eq!(begin(&stack, ADMIN, origin).await.unwrap_err().code(), Code::InvalidArgument, "{origin}");
    }
    let stack = Stack::with(&[
        ("HOMEPORT_ADMIN_PASSWORD", PASSWORD),
        ("HOMEPORT_AUTH__PASSKEY__ORIGINS", "[\"https://nas.example\"]"),
    ])
    .await;
    begin(&stack, ADMIN, ORIGIN).await.unwrap();
    assert_eq!(begin(&stack, ADMIN, "https://other.example").await.unwrap_err().code(), Code::InvalidArgument);
}
