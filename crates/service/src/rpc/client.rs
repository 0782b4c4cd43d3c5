//! Connections to other services.

use std::path::Path;

use tonic::{
    Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::trace::TraceContext;

/// A connection to a service. Cheap to clone; connects at its first call and again after the service was away.
pub type Client = InterceptedService<Channel, ClientInterceptor>;

/// Gives each call the current trace and, on connections made by [`connect`], a deadline of 10 s unless it has one of its
/// own ([`tonic::Request::set_timeout`]).
#[derive(Debug, Clone, Copy)]
pub struct ClientInterceptor {
    deadline: bool,
}

impl Interceptor for ClientInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if self.deadline && request.metadata().get("grpc-timeout").is_none() {
            request.metadata_mut().insert("grpc-timeout", MetadataValue::from_static("10000m"));
        }
        TraceContext::inject(&mut request);
        Ok(request)
    }
}

/// A connection to the service that listens on a socket. Fails only in its calls, with `UNAVAILABLE`.
pub fn connect(socket: &Path) -> Client {
    InterceptedService::new(channel(socket), ClientInterceptor { deadline: true })
}

/// As [`connect`], for streams that stay open for ever: calls have no deadline but what they set themselves.
pub fn connect_streaming(socket: &Path) -> Client {
    InterceptedService::new(channel(socket), ClientInterceptor { deadline: false })
}

fn channel(socket: &Path) -> Channel {
    Endpoint::from_shared(format!("unix://{}", socket.display()))
        .unwrap_or_else(|_| Endpoint::from_static("unix:///nonexistent"))
        .connect_lazy()
}
