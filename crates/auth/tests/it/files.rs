//! Tokens that stand in a file of SPR's.

use std::time::{Duration, Instant};

use homeport_proto::auth::v1::{DeleteTokenRequest, ListTokensRequest};
use tonic::Code;

use crate::stack::Stack;

fn write(stack: &Stack, text: &str) {
    let file = stack.configs().join("auth/auth_tokens.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

async fn until(stack: &Stack, header: &str, expected: bool) {
    let changed = Instant::now();
    while stack.authorize(header, "GET /status").await.is_ok() != expected {
        assert!(changed.elapsed() < Duration::from_secs(1), "the file is read too late");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn editing_the_file_changes_what_is_good_within_a_second() {
    let stack = Stack::start().await;
    let secret = "Zm9yIGEgdGVzdCBvbmx5LCAzMiBieXRlcyBsb25nLi4";
    let header = format!("Bearer {secret}");
    assert!(stack.authorize(&header, "GET /status").await.is_err());
    write(&stack, &format!(r#"[{{"Name":"old","Token":"{secret}","Expire":0,"ScopedPaths":["/status:r"]}}]"#));
    until(&stack, &header, true).await;
    let refused = stack.authorize(&header, "GET /tokens").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let taken = stack.create_token("old", &[], None).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);
    let listed = stack.token_service().list_tokens(ListTokensRequest::default()).await.unwrap().into_inner().tokens;
    assert_eq!((listed[0].name.as_str(), listed[0].in_file, listed[0].prefix.as_str()), ("old", true, &secret[..8]));
    let delete = DeleteTokenRequest { id: listed[0].id.clone(), token: None };
    let refused = stack.token_service().delete_token(delete).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("auth_tokens.json"), "{refused:?}");
    write(&stack, "[]");
    until(&stack, &header, false).await;
}
