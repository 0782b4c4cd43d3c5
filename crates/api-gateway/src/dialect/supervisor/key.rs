//! How a key is presented: in the query, or in a header of either of two schemes.

use homeport_service::Secret;
use http::{header, request::Parts};

/// The key of a request, written as a `Bearer` credential. None: there is none that could be one.
pub(crate) fn credential(request: &Parts) -> Option<Secret<String>> {
    let key = query(request.uri.query().unwrap_or_default()).or_else(|| {
        let mut values = request.headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then(|| of_header(value)).flatten()
    })?;
    Some(Secret::new(format!("Bearer {key}")))
}

/// An empty or repeated parameter is ignored.
fn query(query: &str) -> Option<String> {
    let mut keys = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "apikey");
    let (_, key) = keys.next()?;
    (keys.next().is_none() && is_key(&key)).then(|| key.into_owned())
}

/// Exactly one space, and nothing after the key.
fn of_header(value: &str) -> Option<String> {
    let (scheme, key) = value.split_once(' ')?;
    let is_known = scheme.eq_ignore_ascii_case("apikey") || scheme.eq_ignore_ascii_case("bearer");
    // Sessions of people have dots; which routes they reach is for auth to say.
    let is_token = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (is_known && !key.is_empty() && is_token).then(|| key.to_owned())
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(uri: &str, authorization: &[&str], expected: Option<&str>) {
        let mut request = Request::builder().uri(uri);
        for value in authorization {
            request = request.header(header::AUTHORIZATION, *value);
        }
        let found = credential(&request.body(()).unwrap().into_parts().0);
        assert_eq!(found.as_ref().map(|found| found.expose().as_str()), expected, "{uri} {authorization:?}");
    }

    #[test]
    fn a_key_is_in_the_query_or_in_the_header() {
        check("/v1/device?apikey=abc", &[], Some("Bearer abc"));
        check("/v1/device?apikey=abc", &["ApiKey other"], Some("Bearer abc"));
        check("/v1/device?apikey=", &["ApiKey abc"], Some("Bearer abc"));
        check("/v1/device?apikey=a&apikey=b", &["Bearer abc"], Some("Bearer abc"));
        check("/v1/device?APIKEY=a", &[], None);
        check("/v1/device?apikey=a%20b", &[], None);
    }

    #[test]
    fn the_header_is_exact() {
        check("/v1/device", &["ApiKey abc"], Some("Bearer abc"));
        check("/v1/device", &["apikey abc"], Some("Bearer abc"));
        check("/v1/device", &["BEARER a_1"], Some("Bearer a_1"));
        for value in ["ApiKey", "ApiKey ", "ApiKey  abc", "ApiKey abc ", "ApiKey a b", "Basic abc", "abc"] {
            check("/v1/device", &[value], None);
        }
        check("/v1/device", &["ApiKey a", "ApiKey b"], None);
        check("/v1/device", &[], None);
    }
}
