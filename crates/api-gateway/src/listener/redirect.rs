//! The plain port beside HTTPS: it answers the ACME server, and sends everybody else where it is safe.

use std::{future::ready, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority};

use crate::tls::Challenges;

/// Where an ACME server looks (RFC 8555, 8.3).
pub(crate) const CHALLENGE: &str = "/.well-known/acme-challenge/{token}";

/// Everything that the plain port serves. `port` is that of HTTPS as clients see it.
pub(crate) fn router(challenges: Arc<Challenges>, port: u16) -> Router {
    Router::new()
        .route(CHALLENGE, get(challenge))
        .with_state(challenges)
        .fallback(move |request| ready(redirect(port, &request)))
}

async fn challenge(State(challenges): State<Arc<Challenges>>, Path(token): Path<String>) -> Response {
    answer(&challenges, &token)
}

/// The answer to a token of an order that runs.
pub(crate) fn answer(challenges: &Challenges, token: &str) -> Response {
    match challenges.get(token) {
        Some(answer) => ([(header::CONTENT_TYPE, "application/octet-stream")], answer).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// 308, so that a request that changes something stays the one that it is.
fn redirect(port: u16, request: &Request) -> Response {
    let target = target(request.headers(), port, request.uri().path_and_query().map_or("/", |path| path.as_str()));
    match target.and_then(|target| HeaderValue::try_from(target).ok()) {
        Some(target) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, target)]).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn target(headers: &HeaderMap, port: u16, path: &str) -> Option<String> {
    let authority: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    let host = authority.host();
    if host.is_empty() || authority.as_str().contains('@') || !path.starts_with('/') {
        return None;
    }
    Some(if port == 443 { format!("https://{host}{path}") } else { format!("https://{host}:{port}{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &'static str, port: u16, expected: Option<&str>) {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        assert_eq!(target(&headers, port, "/a?b=c").as_deref(), expected, "{host}");
    }

    #[test]
    fn the_name_stays_and_the_port_changes() {
        check("nas.lan", 443, Some("https://nas.lan/a?b=c"));
        check("nas.lan:80", 8443, Some("https://nas.lan:8443/a?b=c"));
        check("[2001:db8::1]:80", 443, Some("https://[2001:db8::1]/a?b=c"));
        check("", 443, None);
        check("user@nas.lan", 443, None);
        check("nas lan", 443, None);
    }
}
