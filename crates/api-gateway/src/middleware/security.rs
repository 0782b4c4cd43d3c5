//! Headers that tell a browser to be careful.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue, header};

const NO_SNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
const NO_FRAME: (HeaderName, HeaderValue) = (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
const NO_REFERRER: (HeaderName, HeaderValue) = (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
/// Nothing that the gateway answers by itself is a page, unless its handler says what that page may.
const NO_CONTENT: (HeaderName, HeaderValue) =
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// What replaces a plugin's own headers.
pub(crate) const ON_PLUGINS: [(HeaderName, HeaderValue); 1] = [NO_FRAME];
/// What replaces them too, unless a static file says how long it may be kept.
pub(crate) const NEVER_CACHE: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate")),
    (header::PRAGMA, HeaderValue::from_static("no-cache")),
    (header::EXPIRES, HeaderValue::from_static("0")),
];

/// Says that a response came from a plugin and has been given its headers.
#[derive(Debug, Clone, Copy)]
struct Plugin;

/// Gives every response of the gateway's own the headers; a handler's own `Cache-Control` and
/// `Content-Security-Policy` stay.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    secure(&mut response);
    response
}

/// Gives a response the headers, unless it came from a plugin.
pub(crate) fn secure(response: &mut Response) {
    if response.extensions().get::<Plugin>().is_none() {
        let headers = response.headers_mut();
        for (name, value) in [NO_SNIFF, NO_FRAME, NO_REFERRER] {
            headers.insert(name, value);
        }
        for (name, value) in [NO_CONTENT, NO_STORE] {
            headers.entry(name).or_insert(value);
        }
    }
}

/// Has a browser treat a document of a plugin as one of nobody's origin: it lies below the gateway's own, whose credentials
/// a page of that origin could read. For scripts and styles of a page it means nothing.
pub(crate) fn sandbox(response: &mut Response) {
    let alone = HeaderValue::from_static("sandbox allow-scripts");
    response.headers_mut().append(header::CONTENT_SECURITY_POLICY, alone);
}

/// Gives a plugin's response the headers that its clients know, in place of the plugin's own. A plugin decides for
/// itself how long its static files are kept.
pub(crate) fn secure_plugin(response: &mut Response, is_static: bool) {
    response.extensions_mut().insert(Plugin);
    let headers = response.headers_mut();
    let kept = is_static && headers.contains_key(header::CACHE_CONTROL);
    for (name, value) in ON_PLUGINS.into_iter().chain(NEVER_CACHE.into_iter().filter(|_| !kept)) {
        headers.insert(name, value);
    }
}
