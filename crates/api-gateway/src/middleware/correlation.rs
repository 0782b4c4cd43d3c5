//! An id for each request, and the trace that it is part of.

use axum::{extract::Request, middleware::Next, response::Response};
use homeport_service::trace::{TraceContext, write_hex};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Where clients and plugins find it.
pub(crate) const HEADER: HeaderName = HeaderName::from_static(NAME);
pub(crate) const NAME: &str = "x-correlation-id";
/// Longer ones are replaced: they go into every line of the log.
const LONGEST: usize = 64;

/// The id by which a client finds its request in the log.
#[derive(Debug, Clone)]
pub(crate) struct CorrelationId(pub(crate) HeaderValue);

impl CorrelationId {
    /// The client's own if it is harmless, else 16 fresh hex digits.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(HEADER).filter(|value| is_harmless(value.as_bytes()));
        Self(sent.cloned().unwrap_or_else(fresh))
    }

    /// The same for what a client sent in this header, if it did.
    pub(crate) fn of_value(sent: Option<&[u8]>) -> Self {
        let sent = sent.filter(|value| is_harmless(value)).and_then(|value| HeaderValue::from_bytes(value).ok());
        Self(sent.unwrap_or_else(fresh))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Both ways of making one leave only ASCII.
        self.0.to_str().unwrap_or_default()
    }
}

fn is_harmless(text: &[u8]) -> bool {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !text.is_empty() && text.len() <= LONGEST && text.iter().all(harmless)
}

fn fresh() -> HeaderValue {
    let mut text = [0; 16];
    write_hex(&mut text, &rand::random::<[u8; 8]>());
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
}

/// Runs the request in its trace and answers with its id.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let trace = TraceContext::of_headers(request.headers());
    let id = CorrelationId::of(request.headers());
    let span = tracing::info_span!("request", correlation.id = id.as_str(), trace.id = trace.trace_id());
    request.extensions_mut().insert(id.clone());
    let mut response = trace.scope(span, next.run(request)).await;
    response.headers_mut().insert(HEADER, id.0);
    response
}
