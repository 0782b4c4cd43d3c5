//! One id that follows a request from the gateway to the engine, as W3C `traceparent`.

use std::{
    future::Future,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use http::{HeaderMap, Request};
use tonic::metadata::MetadataValue;
use tower::{Layer, Service};
use tracing::Instrument as _;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The header that carries it.
pub const TRACEPARENT: &str = "traceparent";

/// Identity of a request across processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
}

impl TraceContext {
    /// A new one, for a request that came without.
    pub fn random() -> Self {
        Self { trace_id: rand::random::<u128>() | 1, parent_id: rand::random::<u64>() | 1 }
    }

    /// Reads `00-<32 hex digits>-<16 hex digits>-<flags>`; anything else is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if version != "00" || !hex(trace, 32) || !hex(parent, 16) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let parent_id = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace_id, parent_id })
    }

    /// The context of the request that this code runs for.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|context| *context).ok()
    }

    /// The caller's context, or a new one.
    pub fn of_headers(headers: &HeaderMap) -> Self {
        headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(Self::parse)
            .unwrap_or_else(Self::random)
    }

    /// The same trace, one step further down.
    #[must_use]
    pub fn child(self) -> Self {
        Self { parent_id: rand::random::<u64>() | 1, ..self }
    }

    /// The 32 hex digits that all spans of the trace share.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The header's text.
    pub fn to_header(self) -> String {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        write_hex(&mut text[3..35], &self.trace_id.to_be_bytes());
        write_hex(&mut text[36..52], &self.parent_id.to_be_bytes());
        // All of it is ASCII.
        std::str::from_utf8(&text).unwrap_or_default().to_owned()
    }

    /// Runs a future as part of this trace: calls it makes carry the trace on, lines it logs carry its id.
    pub async fn scope<F: Future>(self, span: tracing::Span, future: F) -> F::Output {
        CURRENT.scope(self, future.instrument(span)).await
    }

    /// Puts the current context, if there is one, into the metadata of an outgoing call.
    pub(crate) fn inject(request: &mut tonic::Request<()>) {
        if let Some(context) = Self::current()
            && let Ok(value) = MetadataValue::try_from(context.child().to_header())
        {
            request.metadata_mut().insert(TRACEPARENT, value);
        }
    }
}

/// Writes bytes as lower-case hex digits into text of twice their length. Every request needs this, and formatting machinery
/// takes several times as long.
pub fn write_hex(text: &mut [u8], bytes: &[u8]) {
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// Runs every gRPC request in the trace that its caller names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = TraceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TraceService { inner }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct TraceService<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for TraceService<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context = TraceContext::of_headers(request.headers());
        let span = tracing::info_span!("rpc", rpc.method = request.uri().path(), trace.id = context.trace_id());
        Box::pin(context.scope(span, self.inner.call(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_round_trip() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(TraceContext::parse(text).unwrap().to_header(), text);
        assert_eq!(TraceContext::parse(text).unwrap().child().trace_id(), "0af7651916cd43dd8448eb211c80319c");
    }

    #[test]
    fn what_is_no_header_is_none() {
        for text in ["", "00", "00-x-y-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
