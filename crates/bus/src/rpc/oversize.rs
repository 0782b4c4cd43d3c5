//! Says RESOURCE_EXHAUSTED to a request that is too large, as gRPC libraries elsewhere do; tonic says OUT_OF_RANGE.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response};
use tonic::{Code, Status, body::Body, server::NamedService};
use tower::Service;

/// A gRPC service whose every OUT_OF_RANGE comes from the size limit: its own code never uses that status.
#[derive(Debug, Clone)]
pub(crate) struct Oversize<S> {
    inner: S,
}

impl<S> Oversize<S> {
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: NamedService> NamedService for Oversize<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Oversize<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.inner.call(request);
        Box::pin(async move { response.await.map(renamed) })
    }
}

/// The message stays: it names both the size found and the limit.
fn renamed(mut response: Response<Body>) -> Response<Body> {
    if let Some(status) = response.headers_mut().get_mut(Status::GRPC_STATUS)
        && Code::from_bytes(status.as_bytes()) == Code::OutOfRange
    {
        *status = HeaderValue::from(Code::ResourceExhausted as i32);
    }
    response
}
