//! Headers of requests on their way to a plugin: no credential, no claim about the way here, nothing about one connection.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

mod middleware {
    /// As in the gateway.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Scheme {
        Http,
        Https,
    }
}
// The file itself: the crate around it is a whole gateway.
#[allow(dead_code)]
#[path = "../../crates/api-gateway/src/plugin/headers.rs"]
mod headers;

use middleware::Scheme;

const NEVER: [&str; 12] = [
    "authorization",
    "cookie",
    "x-jwt-otp",
    "spr-bearer",
    "forwarded",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fuzz_target!(|bytes: &[u8]| {
    let mut sent = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            sent.append(name, value);
        }
    }
    let (host, length) = (sent.get(header::HOST).cloned(), sent.get(header::CONTENT_LENGTH).cloned());
    let prefix = HeaderValue::from_static("/plugins/x");
    let scheme = if bytes.len() % 2 == 0 { Scheme::Http } else { Scheme::Https };
    headers::towards_plugin(&mut sent, [192, 0, 2, 1].into(), scheme, &prefix);
    for name in NEVER {
        assert!(!sent.contains_key(name), "{name} arrives");
    }
    for name in sent.keys().map(HeaderName::as_str) {
        assert!(!name.starts_with("proxy-") && !name.starts_with("x-real-ip"), "{name} arrives");
        let ours = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix"];
        assert!(!name.starts_with("x-forwarded-") || ours.contains(&name), "{name} arrives");
        // What some servers cannot tell from one of those, or from one of ours.
        if name.contains('_') {
            let name = name.replace('_', "-");
            let is_ours = name.starts_with("x-forwarded-") || name == "x-correlation-id" || name == "content-length";
            let is_one = NEVER.contains(&name.as_str()) || name.starts_with("proxy-") || name.starts_with("x-real-ip");
            assert!(!is_ours && !is_one, "{name} arrives with underscores");
        }
    }
    assert_eq!(sent.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["192.0.2.1"]);
    assert_eq!(sent.get_all("x-forwarded-prefix").iter().collect::<Vec<_>>(), ["/plugins/x"]);
    assert_eq!(sent.get(header::HOST), host.as_ref(), "what a message is about cannot be named away");
    assert_eq!(sent.get(header::CONTENT_LENGTH), length.as_ref());
    let once = sent.clone();
    headers::towards_plugin(&mut sent, [192, 0, 2, 1].into(), scheme, &prefix);
    assert_eq!(sent, once, "a second time changes nothing");
});
