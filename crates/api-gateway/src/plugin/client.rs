//! Connections to one plugin.
//!
//! Each worker keeps its own, so that a request and the connection that carries it stay on one thread and nothing is locked.

use std::{
    cell::RefCell,
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
use tokio::{net::UnixStream, sync::Semaphore};

use super::line::Line;

/// How long a connection is kept open while nothing is asked. Shorter than what servers usually allow, so that it is
/// seldom theirs to close.
const IDLE: Duration = Duration::from_secs(4);
/// A local socket accepts at once, unless its queue is full.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The connections of this thread that nothing is asked on.
    static CONNECTIONS: RefCell<Shelf<SendRequest<Body>>> = RefCell::default();
    /// Those that are used without hyper.
    static LINES: RefCell<Shelf<Line>> = RefCell::default();
}

/// Connections by client, of which there are few; of each client the newest last.
struct Shelf<T>(Vec<(u64, Vec<(T, Instant)>)>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Shelf<T> {
    /// The one that was used last, if it still stands.
    fn take(&mut self, id: u64, now: Instant, stands: impl Fn(&T) -> bool) -> Option<T> {
        let (_, mine) = self.0.iter_mut().find(|(client, _)| *client == id)?;
        while let Some((connection, since)) = mine.pop() {
            if now.saturating_duration_since(since) < IDLE && stands(&connection) {
                return Some(connection);
            }
        }
        None
    }

    fn put(&mut self, id: u64, max_idle: usize, connection: T, now: Instant) {
        let kept = (connection, now);
        match self.0.iter_mut().find(|(client, _)| *client == id) {
            Some((_, mine)) if mine.len() >= max_idle => {}
            Some((_, mine)) => mine.push(kept),
            None => self.0.push((id, vec![kept])),
        }
    }

    /// Lets go of those that nobody used for a while.
    fn sweep(&mut self, stands: impl Fn(&T) -> bool) {
        self.0.retain_mut(|(_, kept)| {
            kept.retain(|(connection, since)| since.elapsed() < IDLE && stands(connection));
            !kept.is_empty()
        });
    }
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

    fn take(&self) -> Option<SendRequest<Body>> {
        CONNECTIONS.with_borrow_mut(|all| all.take(self.id, Instant::now(), SendRequest::is_ready))
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
        let stream = self.open().await.map_err(SendError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(SendError::Exchange)?;
        // Ends when both sides have let go of it, or with its worker.
        TokioExecutor::new().execute(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "a connection to a plugin broke");
            }
        });
        Ok(sender)
    }

    async fn open(&self) -> io::Result<UnixStream> {
        let socket = resolve(&self.socket, &self.root).await?;
        tokio::time::timeout(CONNECT_LIMIT, UnixStream::connect(socket)).await?
    }

    /// A new connection for whoever speaks HTTP by himself.
    pub(super) async fn open_line(&self) -> io::Result<Line> {
        Line::new(self.open().await?.into_std()?)
    }

    /// A kept one that still stands.
    pub(super) fn take_line(&self, now: Instant) -> Option<Line> {
        LINES.with_borrow_mut(|all| all.take(self.id, now, Line::is_silent))
    }

    /// Keeps one whose last answer, which came at `then`, has been read to its end.
    pub(super) fn keep_line(&self, line: Line, then: Instant) {
        LINES.with_borrow_mut(|all| all.put(self.id, self.max_idle, line, then));
    }
}

fn put(id: u64, max_idle: usize, connection: SendRequest<Body>) {
    CONNECTIONS.with_borrow_mut(|all| all.put(id, max_idle, connection, Instant::now()));
}

/// Lets go of connections of this thread that nobody used for a while, those to plugins that are gone among them.
pub(crate) fn sweep() {
    CONNECTIONS.with_borrow_mut(|all| all.sweep(|connection| !connection.is_closed()));
    LINES.with_borrow_mut(|all| all.sweep(Line::is_silent));
}

/// The socket behind all links. A plugin owns its directory and could lead a link anywhere.
async fn resolve(socket: &Path, root: &Path) -> io::Result<PathBuf> {
    /// Of a hundred clients that come at once each opens a connection, and each look at the disk would get a thread.
    static TURNS: Semaphore = Semaphore::const_new(2);
    let _turn = TURNS.acquire().await;
    let (socket, root) = (tokio::fs::canonicalize(socket).await?, tokio::fs::canonicalize(root).await?);
    if socket.starts_with(root) {
        return Ok(socket);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the socket is a link to outside the state directory"))
}
