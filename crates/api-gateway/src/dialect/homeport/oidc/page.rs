//! The page that hands a session over to the dashboard. The session is in the page and in no address, so that it stays out of
//! histories and logs.

use axum::response::{IntoResponse as _, Response};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, header};
use sha2::{Digest as _, Sha256};

use super::SignedIn;

/// Where the script keeps the session for pages of this address, until the tab is closed.
const SCRIPT: &str = "const session = document.getElementById('session').textContent;\
    sessionStorage.setItem('homeport.session', session);\
    location.replace('/');";

/// The page. Nothing runs on it but the script above, which its hash allows.
pub(super) fn signed_in(session: &SignedIn) -> Response {
    let json = serde_json::to_string(session).unwrap_or_default();
    // Inside a script of JSON only its own end could end it.
    let json = json.replace('<', "\\u003c");
    let html = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Homeport</title><p>You are signed in.</p>\
         <script id=\"session\" type=\"application/json\">{json}</script><script>{SCRIPT}</script>"
    );
    let hash = BASE64_STANDARD.encode(Sha256::digest(SCRIPT));
    let policy = format!("default-src 'none'; script-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'");
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_script() {
        let session = SignedIn {
            success: true,
            token: "t".to_owned(),
            username: "</script><script>alert(1)".to_owned(),
            expires_at: None,
        };
        let response = signed_in(&session);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'sha256-"), "{policy}");
    }
}
