//! Keys of words, and the devices that they let in.

use homeport_proto::auth::v1::{
    AuthorizeDeviceRequest, CancelDeviceKeyRequest, GetRecoveryKeyRequest, GetRecoveryKeyResponse,
    IssueDeviceKeyRequest, IssueRecoveryKeyRequest, ListTokensRequest, RefreshTokenRequest, Role, TokenKind, TokenName,
    UseRecoveryKeyRequest, principal,
};
use tonic::{Code, Status};

use crate::stack::Stack;

async fn issue(stack: &Stack) -> String {
    stack.devices().issue_device_key(IssueDeviceKeyRequest::default()).await.unwrap().into_inner().words
}

async fn authorize(stack: &Stack, words: &str, device: &str, address: &str) -> Result<(String, String), Status> {
    let request = AuthorizeDeviceRequest {
        words: words.to_owned(),
        device: device.to_owned(),
        client_address: address.to_owned(),
    };
    let made = stack.devices().authorize_device(request).await?.into_inner();
    Ok((made.name, made.secret))
}

async fn issue_recovery(stack: &Stack, seconds: Option<i64>, uses: Option<u32>) -> Result<String, Status> {
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let expires_at = seconds.map(|seconds| prost_types::Timestamp { seconds: now + seconds, nanos: 0 });
    let request = IssueRecoveryKeyRequest { user_id: String::new(), expires_at, uses };
    Ok(stack.devices().issue_recovery_key(request).await?.into_inner().words)
}

async fn redeem(stack: &Stack, words: &str) -> Result<String, Status> {
    let request =
        UseRecoveryKeyRequest { words: words.to_owned(), device: "x".to_owned(), client_address: String::new() };
    Ok(stack.devices().use_recovery_key(request).await?.into_inner().secret)
}

async fn recovery(stack: &Stack) -> GetRecoveryKeyResponse {
    stack.devices().get_recovery_key(GetRecoveryKeyRequest {}).await.unwrap().into_inner()
}

#[tokio::test]
async fn twelve_words_let_in_one_device() {
    let mut stack = Stack::start().await;
    let words = issue(&stack).await;
    assert_eq!(words.split(' ').count(), 12);
    let typed = format!("  {}  ", words.to_uppercase().replace(' ', "   "));
    let (name, secret) = authorize(&stack, &typed, "Pixel 6a", "192.0.2.1").await.unwrap();
    assert_eq!((name.as_str(), secret.len()), ("Pixel_6a", 43));
    let principal = stack.authorize(&format!("Bearer {secret}"), "DELETE /anything").await.unwrap().principal.unwrap();
    assert_eq!((principal.kind(), principal.role()), (principal::Kind::Device, Role::Admin));
    let again = authorize(&stack, &words, "Pixel 6a", "192.0.2.1").await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
    stack.stop().await;
    let database = std::fs::read(stack.file("auth.db")).unwrap();
    for text in [words.split(' ').next().unwrap(), &secret] {
        assert!(!database.windows(text.len()).any(|window| window == text.as_bytes()) || text.len() < 8, "{text}");
    }
}

#[tokio::test]
async fn a_key_can_be_replaced_and_cancelled() {
    let stack = Stack::start().await;
    let first = issue(&stack).await;
    let second = issue(&stack).await;
    assert_eq!(authorize(&stack, &first, "a", "").await.unwrap_err().code(), Code::NotFound);
    stack.devices().cancel_device_key(CancelDeviceKeyRequest {}).await.unwrap();
    stack.devices().cancel_device_key(CancelDeviceKeyRequest {}).await.expect("cancelling nothing succeeds");
    assert_eq!(authorize(&stack, &second, "a", "").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn of_two_devices_with_the_same_words_one_comes_in() {
    let stack = Stack::start().await;
    let words = issue(&stack).await;
    let (one, two) = tokio::join!(authorize(&stack, &words, "a", ""), authorize(&stack, &words, "b", ""));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
}

#[tokio::test]
async fn a_taken_name_grows() {
    let stack = Stack::start().await;
    let mut names = Vec::new();
    for _ in 0..3 {
        let words = issue(&stack).await;
        names.push(authorize(&stack, &words, "", "").await.unwrap().0);
    }
    assert_eq!(names[0], "Unknown device");
    assert!(names[1..].iter().all(|name| name.starts_with("Unknown device") && name.len() > "Unknown device".len()));
    let request = ListTokensRequest { kind: TokenKind::Device.into(), user_id: String::new() };
    assert_eq!(stack.token_service().list_tokens(request).await.unwrap().into_inner().tokens.len(), 3);
}

#[tokio::test]
async fn five_failures_lock_an_address_out_for_a_minute() {
    let stack = Stack::start().await;
    let words = issue(&stack).await;
    for guess in ["", "legal", "legal", &words.replacen(' ', " legal ", 1), "zoo zoo zoo"] {
        assert_eq!(authorize(&stack, guess, "a", "192.0.2.1").await.unwrap_err().code(), Code::NotFound);
    }
    let locked = authorize(&stack, &words, "a", "192.0.2.1").await.unwrap_err();
    assert_eq!(locked.code(), Code::ResourceExhausted);
    assert!(locked.metadata().get("retry-after-seconds").is_some());
    authorize(&stack, &words, "a", "192.0.2.2").await.expect("another address is not locked");
}

#[tokio::test]
async fn strangers_do_not_keep_the_owner_out() {
    let stack = Stack::start().await;
    let words = issue(&stack).await;
    authorize(&stack, "zoo", "a", "198.51.100.7").await.unwrap_err();
    for number in 0..99 {
        let refused = authorize(&stack, "zoo", "a", &format!("192.0.2.{number}")).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
    let again = authorize(&stack, "zoo", "a", "192.0.2.1").await.unwrap_err();
    assert_eq!(again.code(), Code::ResourceExhausted, "after so many, nobody fails twice");
    assert!(again.metadata().get("retry-after-seconds").is_some());
    let mine = authorize(&stack, &words, "a", "198.51.100.7").await.unwrap_err();
    assert_eq!(mine.code(), Code::ResourceExhausted, "nor whoever failed before");
    authorize(&stack, &words, "a", "198.51.100.8").await.expect("whoever has not failed is let in");
}

#[tokio::test]
async fn a_household_is_one_address() {
    let stack = Stack::start().await;
    let words = issue(&stack).await;
    for number in 0..5 {
        authorize(&stack, "zoo", "a", &format!("[2001:db8:0:1::{number}]:4711")).await.unwrap_err();
    }
    let locked = authorize(&stack, &words, "a", "2001:db8:0:1:ffff::1").await.unwrap_err();
    assert_eq!(locked.code(), Code::ResourceExhausted);
    authorize(&stack, &words, "a", "2001:db8:0:2::1").await.expect("the neighbours are others");
}

#[tokio::test]
async fn words_of_both_kinds_are_guessed_at_as_slowly() {
    let stack = Stack::start().await;
    let (words, device) = (issue_recovery(&stack, None, None).await.unwrap(), issue(&stack).await);
    let redeem = async |words: &str, address: &str| {
        let (device, client_address) = ("x".to_owned(), address.to_owned());
        let request = UseRecoveryKeyRequest { words: words.to_owned(), device, client_address };
        stack.devices().use_recovery_key(request).await.map(drop)
    };
    for guess in ["", "legal", "legal", "zoo zoo", &device] {
        assert_eq!(redeem(guess, "192.0.2.1").await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(redeem(&words, "192.0.2.1").await.unwrap_err().code(), Code::ResourceExhausted);
    let other = authorize(&stack, &device, "a", "192.0.2.1").await.unwrap_err();
    assert_eq!(other.code(), Code::ResourceExhausted, "the other kind is no way round it");
    redeem(&words, "192.0.2.2").await.expect("another address is not locked");
}

#[tokio::test]
async fn eighteen_words_are_good_as_often_as_they_say() {
    let stack = Stack::start().await;
    assert_eq!(recovery(&stack).await, GetRecoveryKeyResponse::default());
    let words = issue_recovery(&stack, Some(3600), Some(2)).await.unwrap();
    assert_eq!(words.split(' ').count(), 18);
    let key = recovery(&stack).await;
    assert!(key.exists && key.valid && key.expires_at.is_some());
    redeem(&stack, &words).await.unwrap();
    assert_eq!(recovery(&stack).await.uses_left, Some(1));
    redeem(&stack, &words).await.unwrap();
    let key = recovery(&stack).await;
    assert_eq!((key.exists, key.valid, key.uses_left), (true, false, Some(0)));
    assert_eq!(redeem(&stack, &words).await.unwrap_err().code(), Code::NotFound);
    let words = issue_recovery(&stack, None, None).await.unwrap();
    for _ in 0..3 {
        redeem(&stack, &words).await.unwrap();
    }
    assert_eq!(recovery(&stack).await.uses_left, None);
}

#[tokio::test]
async fn what_cannot_be_leaves_the_key_before() {
    let stack = Stack::start().await;
    let words = issue_recovery(&stack, None, None).await.unwrap();
    for (seconds, uses) in [(Some(-1), None), (None, Some(0))] {
        assert_eq!(issue_recovery(&stack, seconds, uses).await.unwrap_err().code(), Code::InvalidArgument);
    }
    redeem(&stack, &words).await.unwrap();
}

#[tokio::test]
async fn of_two_that_refresh_a_token_one_has_it() {
    let stack = Stack::start().await;
    let words = issue(&stack).await;
    let (_, secret) = authorize(&stack, &words, "a", "").await.unwrap();
    let refresh = || {
        let token = TokenName { kind: TokenKind::Device.into(), secret: secret.clone(), ..TokenName::default() };
        let mut tokens = stack.token_service();
        async move { tokens.refresh_token(RefreshTokenRequest { token: Some(token) }).await }
    };
    let (one, two) = tokio::join!(refresh(), refresh());
    let made: Vec<String> = [one, two].into_iter().flatten().map(|made| made.into_inner().secret).collect();
    let mut good = 0;
    for secret in made.iter().chain([&secret]) {
        good += usize::from(stack.authorize(&format!("Bearer {secret}"), "GET /").await.is_ok());
    }
    assert_eq!((made.len(), good), (1, 1), "one of the two is refused, and one token is good");
}
