//! Connections to one plugin.
//!
//! Each worker keeps its own, so that a request and the connection that carries it stay on one thread and nothing is locked.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    rt::Executor as _,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

/// How long a connection is kept open while nothing is asked. Shorter than what servers usually allow, so that it is
/// seldom theirs to close.
const IDLE: Duration = Duration::from_secs(4);
/// A local socket accepts at once, unless its queue is full.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The connections of this thread that nothing is asked on, by client; of each client the newest last.
    static IDLE_CONNECTIONS: RefCell<HashMap<u64, Vec<Idle>>> = RefCell::default();
}

struct Idle {
    connection: SendRequest<Body>,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("connecting to the socket")]
    Connect(#[source] io::Error),
    #[error("exchanging a request")]
    Exchange(#[source] hyper::Error),
}

/// A plugin's socket with the connections that are kept open to it.
#[derive(Debug)]
pub(crate) struct Client {
    id: u64,
    socket: PathBuf,
    root: PathBuf,
    max_idle: usize,
}

impl Client {
    /// Connects when it is first used. The socket must be below `root` also when links are followed.
    pub(crate) fn new(socket: PathBuf, root: PathBuf, max_idle: usize) -> Self {
        Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), socket, root, max_idle }
    }

    /// Sends a request. One that a kept connection could not even begin to send goes out on another; nothing else is
    /// tried twice.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, SendError> {
        while let Some(mut kept) = self.take() {
            match kept.try_send_request(request).await {
                Ok(response) => {
                    self.keep(kept);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Exchange(error.into_error())),
                },
            }
        }
        let mut new = Box::pin(self.connect()).await?;
        let response = new.send_request(request).await.map_err(SendError::Exchange)?;
        self.keep(new);
        Ok(response)
    }

    /// The connection that was used last, if it still stands.
    fn take(&self) -> Option<SendRequest<Body>> {
        IDLE_CONNECTIONS.with_borrow_mut(|all| {
            let mine = all.get_mut(&self.id)?;
            while let Some(Idle { connection, since }) = mine.pop() {
                if connection.is_ready() && since.elapsed() < IDLE {
                    return Some(connection);
                }
            }
            None
        })
    }

    /// Keeps a connection for the next request, as soon as the answer on it has been read.
    fn keep(&self, mut connection: SendRequest<Body>) {
        let (id, max_idle) = (self.id, self.max_idle);
        if connection.is_ready() {
            put(id, max_idle, connection);
        } else if !connection.is_closed() {
            TokioExecutor::new().execute(async move {
                if connection.ready().await.is_ok() {
                    put(id, max_idle, connection);
                }
            });
        }
    }

    async fn connect(&self) -> Result<SendRequest<Body>, SendError> {
        let connected = async {
            let socket = resolve(&self.socket, &self.root).await?;
            tokio::time::timeout(CONNECT_LIMIT, UnixStream::connect(socket)).await?
        };
        let stream = connected.await.map_err(SendError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(SendError::Exchange)?;
        // Ends when both sides have let go of it, or with its worker.
        TokioExecutor::new().execute(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "a connection to a plugin broke");
            }
        });
        Ok(sender)
    }
}

fn put(id: u64, max_idle: usize, connection: SendRequest<Body>) {
    IDLE_CONNECTIONS.with_borrow_mut(|all| {
        let kept = all.entry(id).or_default();
        if kept.len() < max_idle {
            kept.push(Idle { connection, since: Instant::now() });
        }
    });
}

/// Lets go of connections of this thread that nobody used for a while, those to plugins that are gone among them.
pub(crate) fn sweep() {
    IDLE_CONNECTIONS.with_borrow_mut(|all| {
        all.retain(|_, kept| {
            kept.retain(|idle| idle.since.elapsed() < IDLE && !idle.connection.is_closed());
            !kept.is_empty()
        });
    });
}

/// The socket behind all links. A plugin owns its directory and could lead a link anywhere.
async fn resolve(socket: &Path, root: &Path) -> io::Result<PathBuf> {
    let (socket, root) = (tokio::fs::canonicalize(socket).await?, tokio::fs::canonicalize(root).await?);
    if socket.starts_with(root) {
        return Ok(socket);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the socket is a link to outside the state directory"))
}
