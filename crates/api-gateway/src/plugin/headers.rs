//! Which headers go through the proxy, and in which direction.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::middleware::Scheme;

/// Headers that speak about one connection, not about the message.
const HOP_BY_HOP: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// What a plugin never sees: credentials, and words about the way here that a client could have made up. `Expect` is
/// answered by the gateway itself.
const KEPT_BACK: [&str; 6] = ["authorization", "cookie", "x-jwt-otp", "spr-bearer", "forwarded", "expect"];
const KEPT_BACK_PREFIXES: [&str; 3] = ["proxy-", "x-forwarded-", "x-real-ip"];

/// What the gateway says itself, or follows, besides those.
const OWN: [&str; 2] = ["content-length", "x-correlation-id"];

pub(super) const FORWARDED_FOR: &str = "x-forwarded-for";
pub(super) const FORWARDED_PROTO: &str = "x-forwarded-proto";
pub(super) const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// Turns a client's headers into those that a plugin gets.
pub(super) fn towards_plugin(headers: &mut HeaderMap, client: IpAddr, scheme: Scheme, prefix: &HeaderValue) {
    strip_hop_by_hop(headers);
    let unwanted: Vec<HeaderName> = headers.keys().filter(|name| is_kept_back(name.as_str())).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
    if let Ok(address) = HeaderValue::try_from(client.to_string()) {
        headers.insert(FORWARDED_FOR, address);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(word(scheme)));
    headers.insert(FORWARDED_PREFIX, prefix.clone());
}

/// The scheme as the header has it.
pub(super) const fn word(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

/// Whether no plugin sees a header of this name, in whatever case, that a client sent.
pub(super) fn is_kept_back(name: &str) -> bool {
    is_reserved(name) || (name.contains('_') && is_imitation(name))
}

/// Whether a header looks like one of those to a plugin whose server hands headers over as variables: for CGI and WSGI
/// `X_Forwarded_For` is `X-Forwarded-For`, and one of them wins.
fn is_imitation(name: &str) -> bool {
    let name = name.replace('_', "-");
    is_reserved(&name) || is_one_of(&name, &OWN)
}

fn is_reserved(name: &str) -> bool {
    let begins = |prefix: &&str| name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
    is_hop_by_hop(name) || is_one_of(name, &KEPT_BACK) || KEPT_BACK_PREFIXES.iter().any(begins)
}

/// Whether a header of this name, in whatever case, speaks about one connection.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    is_one_of(name, &HOP_BY_HOP)
}

/// Whether a value of `Connection` names a header, which then speaks about one connection too.
pub(super) fn is_named(connection: &str, name: &str) -> bool {
    !is_framing(name) && connection.split(',').any(|word| word.trim().eq_ignore_ascii_case(name))
}

/// Whether a name, in whatever case, is among these. Texts rather than [`HeaderName`]s: each header of each request is
/// looked for here.
pub(super) fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| is_same(one, name))
}

/// Whether two names are the same, in whatever case. Most differ in length already, which is seen without a call.
#[inline]
pub(super) const fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.eq_ignore_ascii_case(other)
}

/// What a client must not be able to have removed.
fn is_framing(name: &str) -> bool {
    is_one_of(name, &["host", "content-length"])
}

/// Takes out what concerns one connection only: what `Connection` names, then the known ones.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    let named = named.iter().map(HeaderName::as_str);
    for name in named.chain(HOP_BY_HOP).filter(|name| !is_framing(name)) {
        headers.remove(name);
    }
}

/// The protocol that a message asks to change to, if its `Connection` says so too.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case("upgrade"));
    asks.then(|| headers.get(header::UPGRADE).cloned()).flatten()
}

/// Asks for, or agrees to, a change of protocol.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::correlation;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn credentials_and_claims_stay_here() {
        let mut sent = headers(&[
            ("authorization", "Bearer secret"),
            ("cookie", "a=b"),
            ("x-jwt-otp", "secret"),
            ("proxy-authorization", "Basic secret"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "evil"),
            ("x-real-ip", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("host", "nas:8080"),
            ("content-type", "text/plain"),
            ("accept", "*/*"),
            ("range", "bytes=0-1"),
            ("if-none-match", "\"a\""),
            ("user-agent", "test"),
        ]);
        towards_plugin(&mut sent, [192, 168, 1, 2].into(), Scheme::Https, &HeaderValue::from_static("/plugins/a"));
        let expected = headers(&[
            ("host", "nas:8080"),
            ("content-type", "text/plain"),
            ("accept", "*/*"),
            ("range", "bytes=0-1"),
            ("if-none-match", "\"a\""),
            ("user-agent", "test"),
            ("x-forwarded-for", "192.168.1.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/plugins/a"),
        ]);
        assert_eq!(sent, expected);
    }

    #[test]
    fn what_frames_the_message_cannot_be_named_away() {
        let mut sent = headers(&[("connection", "host, content-length"), ("host", "a"), ("content-length", "3")]);
        strip_hop_by_hop(&mut sent);
        assert_eq!(sent, headers(&[("host", "a"), ("content-length", "3")]));
    }

    #[test]
    fn names_are_known_in_any_case() {
        for name in ["Authorization", "COOKIE", "Proxy-Anything", "X-Forwarded-Host", "x-real-ip", "TE", "Upgrade"] {
            assert!(is_kept_back(name), "{name}");
        }
        for name in ["Accept", "Host", "X-Forward", "Prox", "Range", ""] {
            assert!(!is_kept_back(name), "{name}");
        }
        let correlation = correlation::NAME.replace('-', "_");
        for name in [
            "X_Forwarded_For",
            "x-forwarded_proto",
            "SPR_Bearer",
            "X_Jwt-Otp",
            "proxy_x",
            "Content_Length",
            &correlation,
        ] {
            assert!(is_kept_back(name), "{name}");
        }
        for name in ["X_Forward", "my_header", "_", "content-length", "Accept_", "Content_Type"] {
            assert!(!is_kept_back(name), "{name}");
        }
        assert!(is_named("close, X-Secret", "x-secret") && !is_named("close", "x-secret"));
        assert!(!is_named("host, content-length", "Content-Length"));
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        assert!(upgrade(&headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")])).is_some());
        assert!(upgrade(&headers(&[("upgrade", "websocket")])).is_none());
        assert!(upgrade(&headers(&[("connection", "upgrade")])).is_none());
    }
}
