//! A service on its socket.

use std::{
    convert::Infallible,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::{Stream, StreamExt as _, wrappers::UnixListenerStream};
use tonic::{body::Body, server::NamedService, service::RoutesBuilder};
use tonic_health::ServingStatus;
use tower::{Layer as _, Service, util::BoxCloneSyncService};

use super::{BindError, bind};
use crate::{Context, peer::SocketConfig, trace::TraceLayer};

/// How long calls may go on after the drain began. Compose gives a container 10 s to stop; this leaves it some.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a service stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The transport failed.
    #[error("serving on {path}")]
    Transport {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
}

/// Connections as they come in.
pub type Connections = Pin<Box<dyn Stream<Item = io::Result<UnixStream>> + Send>>;

/// A gRPC service as it is generated, or written by hand on the same transport.
pub trait GrpcService:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
    + NamedService
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> GrpcService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The gRPC services of one process, the standard health service among them.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    socket: SocketConfig,
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    direct: Vec<Direct>,
    drain_limit: Duration,
}

type Boxed = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A service that is called without a look at the others, and what its paths begin with.
#[derive(Debug, Clone)]
struct Direct {
    prefix: String,
    service: Boxed,
}

impl Server {
    /// A server for the context's own socket.
    pub fn new(context: &Context, socket: SocketConfig) -> Self {
        Self {
            path: context.socket(),
            socket,
            routes: RoutesBuilder::default(),
            names: Vec::new(),
            direct: Vec::new(),
            drain_limit: DRAIN_LIMIT,
        }
    }

    /// Listens on another socket than the context's own.
    #[must_use]
    pub fn at(mut self, path: PathBuf) -> Self {
        self.path = path;
        self
    }

    /// Gives calls under way another time than 8 s to finish once the context drains.
    #[must_use]
    pub const fn drain_limit(mut self, limit: Duration) -> Self {
        self.drain_limit = limit;
        self
    }

    /// Adds a service.
    #[must_use]
    pub fn service<S: GrpcService>(mut self, service: S) -> Self {
        self.names.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Adds a service whose calls are many, and so small that finding their way and tracing them would cost more than the
    /// calls: it is asked before the others, and its calls are not traced.
    #[must_use]
    pub fn direct<S: GrpcService>(mut self, service: S) -> Self {
        self.names.push(S::NAME);
        self.direct.push(Direct { prefix: format!("/{}/", S::NAME), service: Boxed::new(service) });
        self
    }

    /// Serves until the context drains, then lets the calls under way finish, for 8 s at most.
    pub async fn serve(self, context: &Context) -> Result<(), ServeError> {
        self.serve_through(context, |connections| connections).await
    }

    /// As [`Server::serve`], for a socket that is not spoken gRPC to alone: `select` sees every connection whose process
    /// may connect, and yields those that speak gRPC.
    pub async fn serve_through<F, S>(mut self, context: &Context, select: F) -> Result<(), ServeError>
    where
        F: FnOnce(Connections) -> S,
        S: Stream<Item = io::Result<UnixStream>>,
    {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_service_status("", ServingStatus::Serving).await;
        for name in &self.names {
            reporter.set_service_status(name, ServingStatus::Serving).await;
        }
        self.routes.add_service(health);
        let listener = bind(&self.path, &self.socket)?;
        tracing::info!(socket.path = %self.path.display(), "listening");
        let drain = context.drain().clone();
        let routes = Boxed::new(TraceLayer.layer(self.routes.routes().prepare()));
        let serving = tonic::transport::Server::builder().serve_with_incoming_shutdown(
            Front { direct: self.direct.into(), routes },
            select(admitted(listener, self.socket)),
            drain.clone().cancelled_owned(),
        );
        let limit = async {
            drain.cancelled().await;
            reporter.set_service_status("", ServingStatus::NotServing).await;
            tokio::time::sleep(self.drain_limit).await;
        };
        tokio::select! {
            result = serving => result.map_err(|source| ServeError::Transport { path: self.path, source }),
            () = limit => {
                tracing::warn!(limit_ms = self.drain_limit.as_millis(), "calls still ran when the drain ended; they are dropped");
                Ok(())
            }
        }
    }
}

/// What the transport calls: a direct service, if the call is for it, else the others.
#[derive(Debug, Clone)]
struct Front {
    direct: Arc<[Direct]>,
    routes: Boxed,
}

impl Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Boxed as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        // Services made of gRPC methods are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        match self.direct.iter().find(|direct| path.starts_with(&direct.prefix)) {
            // A service made of gRPC methods has no state of its own.
            Some(direct) => direct.service.clone().call(request),
            None => self.routes.call(request),
        }
    }
}

/// The connections of processes that may connect; the others are closed at once.
fn admitted(listener: UnixListener, socket: SocketConfig) -> Connections {
    Box::pin(UnixListenerStream::new(listener).then(calmly).filter(move |connection| match connection {
        Err(_) => true,
        Ok(stream) => match stream.peer_cred() {
            Ok(peer) if socket.allows(peer.uid()) => true,
            Ok(peer) => {
                tracing::warn!(
                    peer.uid = peer.uid(),
                    peer.pid = peer.pid(),
                    "connection refused: this user may not call"
                );
                false
            }
            Err(error) => {
                tracing::warn!(error = %error, "connection refused: its user is not known");
                false
            }
        },
    }))
}

/// Pauses after a connection that could not be accepted, so that a process out of file descriptors does not spin.
async fn calmly(connection: io::Result<UnixStream>) -> io::Result<UnixStream> {
    if let Err(error) = &connection {
        tracing::warn!(error = %error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
    connection
}
