//! The tokens of plugins' pages: how they are known, and what a page is told that may not do something.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::problem::{Kind, Problem};

/// How the token of a page begins, as the page has to send it.
const BEARER: &[u8] = b"bearer sprui1_";
const AUTH_ERROR: HeaderName = HeaderName::from_static("x-spr-auth-error");

/// Whether a request carries the token of a plugin's page, good or bad.
pub(crate) fn is_carried(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| begins(value.as_bytes()))
}

/// Whether a credential is the token of a plugin's page, good or bad.
pub(crate) fn is_of_page(authorization: &str) -> bool {
    begins(authorization.as_bytes())
}

fn begins(credential: &[u8]) -> bool {
    credential.get(..BEARER.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(BEARER))
}

/// A refusal as a request's client understands it: a page asks what shows it for another token.
pub(crate) fn refusal(headers: &HeaderMap, problem: Problem) -> Response {
    let (status, error) = match problem.kind() {
        Kind::Unauthorized => (StatusCode::UNAUTHORIZED, "invalid_token"),
        Kind::Forbidden | Kind::OutOfScope => (StatusCode::FORBIDDEN, "insufficient_scope"),
        _ => return problem.into_response(),
    };
    if !is_carried(headers) {
        return problem.into_response();
    }
    let mut response = Response::new(Body::from(format!("{{\"error\":\"{error}\"}}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(AUTH_ERROR, HeaderValue::from_static(error));
    let challenge = match status {
        StatusCode::UNAUTHORIZED => "Bearer realm=\"spr-plugin-ui\", error=\"invalid_token\"",
        _ => "Bearer realm=\"spr-plugin-ui\", error=\"insufficient_scope\"",
    };
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}
