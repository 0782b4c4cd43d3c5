//! Connections to one plugin.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Pool, Error},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::UnixStream;

/// How long a connection is kept open while nothing is asked. Shorter than what servers usually allow, so that it is
/// seldom theirs to close.
const IDLE: Duration = Duration::from_secs(4);
/// A local socket accepts at once, unless its queue is full.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A plugin's socket with the connections that are kept open to it.
#[derive(Debug, Clone)]
pub(crate) struct Client(Pool<Connector, Body>);

impl Client {
    /// Connects when it is first used. The socket must be below `root` also when links are followed.
    pub(crate) fn new(socket: PathBuf, root: PathBuf, max_idle: usize) -> Self {
        let connector = Connector(Arc::new(Place { socket, root }));
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(max_idle)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self(pool)
    }

    /// Sends a request. One that a kept connection could not even begin to send goes out on a new one; nothing else is
    /// tried twice.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        self.0.request(request).await
    }
}

#[derive(Debug)]
struct Place {
    socket: PathBuf,
    root: PathBuf,
}

#[derive(Debug, Clone)]
struct Connector(Arc<Place>);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let place = Arc::clone(&self.0);
        Box::pin(async move {
            let socket = resolve(&place.socket, &place.root).await?;
            let stream = tokio::time::timeout(CONNECT_LIMIT, UnixStream::connect(socket)).await??;
            Ok(TokioIo::new(stream))
        })
    }
}

/// The socket behind all links. A plugin owns its directory and could lead a link anywhere.
async fn resolve(socket: &Path, root: &Path) -> io::Result<PathBuf> {
    let (socket, root) = (tokio::fs::canonicalize(socket).await?, tokio::fs::canonicalize(root).await?);
    if socket.starts_with(root) {
        return Ok(socket);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the socket is a link to outside the state directory"))
}
