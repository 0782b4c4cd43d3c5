//! Pages of a developer's own machine may call the API from another port; no other page may.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{dialect::Dialect, path::CleanPath};

/// Whether an origin is `http://localhost` or `http://127.0.0.1`, with any port.
pub(crate) fn is_local(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").map(|rest| rest.split_once(':').unwrap_or((rest, "0")));
    host.is_some_and(|(host, port)| matches!(host, "localhost" | "127.0.0.1") && port.parse::<u16>().is_ok())
}

/// Who may read what a plugin answers: its page runs in a frame that has no origin of its own, and carries a token that is
/// good for nothing but its plugin; a browser adds no credential of its own to a request with such an answer.
pub(crate) const PLUGIN: [(HeaderName, HeaderValue); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-SPR-Auth-Error, WWW-Authenticate")),
];
/// What such a page may send. Browsers look for it in the answer to a preflight only.
const PLUGIN_PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS")),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("X-Requested-With, Content-Type, Authorization, SPR-Bearer, X-JWT-OTP"),
    ),
    (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
];

/// Lets the pages of plugins read what their plugin answers, if such a page asks: browsers look for it then only, and what
/// is not for a page need not be read past it. What may be kept is for whoever asks later as well.
pub(crate) fn allow_plugin_pages(headers: &mut HeaderMap, has_origin: bool) {
    let is_never_kept = headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("no-store"));
    for (name, value) in PLUGIN {
        if has_origin || !is_never_kept {
            headers.insert(name, value);
        } else {
            headers.remove(name);
        }
    }
}

/// The answer to a preflight about a plugin.
pub(crate) fn plugin_preflight() -> Response {
    (StatusCode::NO_CONTENT, PLUGIN_PREFLIGHT).into_response()
}

/// Answers preflights, and lets local pages read answers.
pub(super) async fn answer(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).filter(|value| value.to_str().is_ok_and(is_local)).cloned();
    let mut response =
        if is_preflight(&request) { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    if let Some(origin) = origin {
        allow(response.headers_mut(), origin);
    }
    response
}

/// A preflight never carries a credential, so it is answered here; and the Docksmith API answers every OPTIONS.
fn is_preflight(request: &Request) -> bool {
    let path = request.extensions().get::<CleanPath>().map_or("", CleanPath::as_str);
    request.method() == Method::OPTIONS
        && (request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            || Dialect::of(path) == Dialect::Docksmith)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, Authorization"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_the_machine_itself_is_local() {
        for origin in ["http://localhost", "http://localhost:5173", "http://127.0.0.1:8080"] {
            assert!(is_local(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://localhost",
            "http://localhost.evil.example",
            "http://localhost:1@evil.example",
            "http://evil.example:80",
        ] {
            assert!(!is_local(origin), "{origin}");
        }
    }
}
