//! What a credential may do.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tonic::Code;

use crate::stack::{PASSWORD, Stack};

async fn check(stack: &Stack, header: &str, request: &str, expected: Result<(), Code>) {
    let got = stack.authorize(header, request).await.map(drop).map_err(|status| status.code());
    assert_eq!(got, expected, "{request}");
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test]
async fn without_a_credential_nothing_is_allowed() {
    let stack = Stack::start().await;
    for header in ["", "Bearer", "Bearer ", "Bearer a b", "Digest x", "Basic !", "Bearer a.b.c", "Bearer nothing"] {
        check(&stack, header, "GET /", Err(Code::Unauthenticated)).await;
    }
    check(&stack, &format!("Bearer {}", "A".repeat(43)), "GET /", Err(Code::Unauthenticated)).await;
}

#[tokio::test]
async fn scopes_bound_a_token() {
    let stack = Stack::start().await;
    let token = stack.create_token("ci", &["/api/status:r", "/api/update:rw"], None).await.unwrap();
    let header = format!("Bearer {}", token.secret);
    check(&stack, &header, "GET /api/status", Ok(())).await;
    check(&stack, &header, "POST /api/status", Err(Code::PermissionDenied)).await;
    check(&stack, &header, "POST /api/update/batch", Ok(())).await;
    check(&stack, &header, "POST /api/updates", Err(Code::PermissionDenied)).await;
    check(&stack, &header, "GET /api/update/../operations", Err(Code::PermissionDenied)).await;
    check(&stack, &header, "GET /", Err(Code::PermissionDenied)).await;
    let principal = stack.authorize(&header, "GET /api/status").await.unwrap().principal.unwrap();
    assert_eq!(principal.scopes, ["/api/status:r", "/api/update:rw"]);
    assert_eq!(principal.name, "ci");
}

#[tokio::test]
async fn a_token_without_scopes_may_do_everything() {
    let stack = Stack::start().await;
    let token = stack.create_token("all", &[], None).await.unwrap();
    check(&stack, &format!("Bearer {}", token.secret), "DELETE /anything", Ok(())).await;
}

#[tokio::test]
async fn basic_credentials_are_those_of_users() {
    let stack = Stack::start().await;
    check(&stack, &basic("admin", PASSWORD), "PUT /anything", Ok(())).await;
    check(&stack, &basic("admin", PASSWORD), "PUT /again", Ok(())).await;
    check(&stack, &basic("admin", "wrong password"), "GET /", Err(Code::Unauthenticated)).await;
    check(&stack, &basic("nobody", PASSWORD), "GET /", Err(Code::Unauthenticated)).await;
}

#[tokio::test]
async fn a_changed_password_ends_what_was_verified_a_moment_ago() {
    let stack = Stack::start().await;
    check(&stack, &basic("admin", PASSWORD), "GET /", Ok(())).await;
    stack.change_password(PASSWORD, "another good one", "").await.unwrap();
    check(&stack, &basic("admin", PASSWORD), "GET /", Err(Code::Unauthenticated)).await;
    check(&stack, &basic("admin", "another good one"), "GET /", Ok(())).await;
}
