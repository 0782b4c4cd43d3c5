//! The cookie of HomelabARR's web interface, which forgets the header on some of its calls and cannot set one on a stream of
//! events. It holds the session's token, and counts on those calls alone.

use homeport_service::{
    Secret,
    clock::{Clock as _, SystemClock},
};
use http::{HeaderMap, HeaderValue, Method, header, request::Parts};

use crate::{
    middleware::{Scheme, is_own},
    path::CleanPath,
};

const NAME: &str = "homeport_ui";

/// Makes a browser keep a token for as long as it is good.
pub(super) fn keep(token: &str, expires_at: Option<&prost_types::Timestamp>, scheme: Scheme) -> Option<HeaderValue> {
    let left = expires_at.map_or(0, |at| at.seconds.saturating_sub(SystemClock.now().as_second()).max(0));
    value(token, left, scheme)
}

/// Makes a browser forget it.
pub(super) fn forget(scheme: Scheme) -> Option<HeaderValue> {
    value("", 0, scheme)
}

fn value(token: &str, seconds: i64, scheme: Scheme) -> Option<HeaderValue> {
    let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
    let text = format!("{NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}

/// The token of a request that may carry it so, written as a `Bearer` credential.
pub(crate) fn credential(request: &Parts) -> Option<Secret<String>> {
    let path = request.extensions.get::<CleanPath>()?.as_str();
    let token = counts(&request.method, path, &request.headers).then(|| token(&request.headers)).flatten()?;
    Some(Secret::new(format!("Bearer {token}")))
}

/// Whether it counts: where a page that was loaded from here asks for it.
fn counts(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let is_forgotten = (reads && matches!(path, "/containers" | "/stream/progress"))
        || path.strip_prefix("/enhanced-mount").is_some_and(|rest| rest.starts_with('/'));
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_json = || text("content-type").is_some_and(|kind| kind.split(';').next() == Some("application/json"));
    let is_same_origin = || text("sec-fetch-site").is_none_or(|site| site == "same-origin") && is_own(headers);
    is_forgotten && (reads || (is_json() && is_same_origin()))
}

/// Two of the name are as good as none: which one counts would be a matter of taste.
fn token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, _)| *name == NAME).map(|(_, token)| token);
    let token = tokens.next().filter(|_| tokens.next().is_none())?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (!token.is_empty() && token.bytes().all(is_token)).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(line: &str, headers: &[(&str, &str)], expected: bool) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", "nas:8084");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(CleanPath::parse(path).unwrap());
        let found = credential(&parts).map(|found| found.expose().clone());
        assert_eq!(found.as_deref(), expected.then_some("Bearer a.b.c"), "{line} {headers:?}");
    }

    const COOKIE: (&str, &str) = ("cookie", "other=1; homeport_ui=a.b.c");

    #[test]
    fn homelabarr_1_3_it_counts_where_the_page_forgets_the_header() {
        for line in
            ["GET /containers", "GET /stream/progress", "GET /enhanced-mount/status", "GET /api/enhanced-mount/x"]
        {
            check(line, &[COOKIE], true);
        }
        for line in
            ["GET /auth/me", "GET /containers/a/logs", "POST /containers", "GET /enhanced-mount", "GET /api/status"]
        {
            check(line, &[COOKIE, ("content-type", "application/json")], false);
        }
    }

    #[test]
    fn homelabarr_1_3_what_changes_something_comes_from_a_page_of_here() {
        let json = ("content-type", "application/json; charset=utf-8");
        let post = "POST /enhanced-mount/providers";
        check(post, &[COOKIE, json], true);
        check(post, &[COOKIE, json, ("sec-fetch-site", "same-origin"), ("origin", "http://nas:8084")], true);
        check(post, &[COOKIE], false);
        check(post, &[COOKIE, ("content-type", "text/plain")], false);
        check(post, &[COOKIE, json, ("sec-fetch-site", "same-site")], false);
        check(post, &[COOKIE, json, ("origin", "http://localhost:5173")], false);
    }

    #[test]
    fn there_is_one_or_none() {
        check("GET /containers", &[], false);
        check("GET /containers", &[("cookie", "homeport_ui=")], false);
        check("GET /containers", &[("cookie", "homeport_ui=a b")], false);
        check("GET /containers", &[COOKIE, ("cookie", "homeport_ui=x")], false);
        check("GET /containers", &[("cookie", "xhomeport_ui=a.b.c")], false);
    }
}
