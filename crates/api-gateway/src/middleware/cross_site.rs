//! No web page of another site can make a browser change something here, or open a socket.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, header};

use super::{Layers, Scheme, cors};
use crate::problem::{Kind, Problem};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) async fn guard(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let guarded = layers.traits.acts(request.method(), matched) || request.headers().contains_key(header::UPGRADE);
    let scheme = request.extensions().get::<Scheme>().copied();
    match guarded.then(|| refusal(request.headers(), scheme)).flatten() {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

/// Why a page may not do what changes something.
pub(crate) fn refusal(headers: &HeaderMap, scheme: Option<Scheme>) -> Option<Problem> {
    let https = scheme == Some(Scheme::Https);
    is_foreign(headers, https).then(|| Problem::new(Kind::Forbidden, "a page of another site may not do this"))
}

/// Whether a browser says that a page of another site asks. Whoever says nothing is no browser. What comes over HTTPS
/// does not come from a page that anybody on the way could have changed.
fn is_foreign(headers: &HeaderMap, https: bool) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let site = text(&SEC_FETCH_SITE);
    if matches!(site, Some("same-origin" | "none")) {
        return false;
    }
    match text(&header::ORIGIN) {
        Some(origin) if cors::is_local(origin) => false,
        Some(origin) => (https && !origin.starts_with("https://")) || !is_host(origin, text(&header::HOST)),
        None => site.is_some(),
    }
}

/// Whether a request comes from a page of the address that it was sent to, or from no page at all. Stricter than the
/// guard: pages of a developer's machine are strangers too.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    text(&header::ORIGIN).is_none_or(|origin| is_host(origin, text(&header::HOST)))
}

/// Whether an origin is the address that the request itself was sent to.
fn is_host(origin: &str, host: Option<&str>) -> bool {
    let (Some((scheme, authority)), Some(host)) = (origin.split_once("://"), host) else { return false };
    // A browser leaves the scheme's own port out of both; a reverse proxy may put it into one.
    let port = if scheme == "https" { ":443" } else { ":80" };
    let bare = |address: &str| address.strip_suffix(port).unwrap_or(address).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(pairs: &[(&'static str, &'static str)], expected: bool) {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        assert_eq!(is_foreign(&headers, false), expected, "{pairs:?}");
    }

    #[test]
    fn a_plain_page_is_foreign_to_https() {
        let headers = |origin| {
            [(header::HOST, HeaderValue::from_static("nas")), (header::ORIGIN, HeaderValue::from_static(origin))]
                .into_iter()
                .collect()
        };
        assert!(is_foreign(&headers("http://nas"), true));
        assert!(!is_foreign(&headers("https://nas"), true));
        assert!(!is_foreign(&headers("http://localhost:5173"), true));
    }

    #[test]
    fn programs_and_own_pages_pass() {
        check(&[("host", "nas:8080")], false);
        check(&[("host", "nas:8080"), ("origin", "http://nas:8080")], false);
        check(&[("host", "nas.example"), ("origin", "https://NAS.example:443")], false);
        check(&[("host", "nas"), ("origin", "http://other"), ("sec-fetch-site", "same-origin")], false);
        check(&[("host", "nas"), ("origin", "http://localhost:5173"), ("sec-fetch-site", "cross-site")], false);
    }

    #[test]
    fn other_pages_do_not() {
        check(&[("host", "nas:8080"), ("origin", "http://evil.example")], true);
        check(&[("host", "nas:8080"), ("origin", "http://nas:9090")], true);
        check(&[("host", "nas:8080"), ("origin", "null")], true);
        check(&[("host", "nas"), ("sec-fetch-site", "cross-site")], true);
        check(&[("host", "nas"), ("sec-fetch-site", "same-site")], true);
    }
}
