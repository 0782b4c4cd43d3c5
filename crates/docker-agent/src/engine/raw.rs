//! Requests whose documents pass untouched.
//!
//! Bollard's types drop every field that they do not know, and fail on an enum value that is newer than they are. For a
//! container that is to be made again without losing anything, the document has to be the engine's own.

use std::{
    error::Error,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::{document::Document as _, error::EngineError};

/// The largest answer that is read; an inspect document has tens of kilobytes, a list of 1000 containers a few megabytes.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What is read of an error's text.
const MAX_REFUSAL_BYTES: usize = 16 << 10;

type Failure = Box<dyn Error + Send + Sync>;

/// One request on a connection of its own. The path must be encoded already.
pub(super) async fn exchange(
    socket: &Path,
    doing: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, EngineError> {
    let (status, bytes) = send(socket, method, path, body)
        .await
        .map_err(|source| EngineError::Unreachable { socket: socket.to_owned(), source })?;
    let garbled =
        |error: serde_json::Error| EngineError::Garbled { doing: doing.to_owned(), message: error.to_string() };
    let answer = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
    if (200..300).contains(&status) {
        return answer.map_err(garbled);
    }
    Err(refused(doing, status, &bytes))
}

fn refused(doing: &str, status: u16, body: &[u8]) -> EngineError {
    let message = match serde_json::from_slice::<Value>(body) {
        Ok(answer) => answer.text("message").to_owned(),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned(),
    };
    EngineError::Refused { doing: doing.to_owned(), status, message }
}

type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An answer that is read as it comes. The engine is told that nobody reads any more when this is dropped.
pub(crate) struct Streaming {
    socket: PathBuf,
    body: Incoming,
    /// None once it has ended by itself.
    connection: Option<Connection>,
    _sender: SendRequest<Full<Bytes>>,
}

/// A GET whose answer is read as it comes. The path must be encoded already.
pub(super) async fn stream(socket: &Path, doing: &str, path: &str) -> Result<Streaming, EngineError> {
    let unreachable = |source: Failure| EngineError::Unreachable { socket: socket.to_owned(), source };
    let open = async {
        let stream = UnixStream::connect(socket).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut connection: Connection = Box::pin(connection);
        let request = Request::builder().uri(path).header(header::HOST, "docker").body(Full::new(Bytes::new()))?;
        let response = tokio::select! {
            response = sender.send_request(request) => response?,
            ended = connection.as_mut() => {
                ended?;
                return Err("the engine hung up".into());
            }
        };
        Ok::<_, Failure>((sender, connection, response))
    };
    let (sender, connection, response) = open.await.map_err(unreachable)?;
    let (status, body) = (response.status(), response.into_body());
    let mut answer = Streaming { socket: socket.to_owned(), body, connection: Some(connection), _sender: sender };
    if status.is_success() {
        return Ok(answer);
    }
    let mut message = Vec::new();
    while let Some(chunk) = answer.next().await {
        message.extend_from_slice(&chunk?);
        if message.len() > MAX_REFUSAL_BYTES {
            break;
        }
    }
    Err(refused(doing, status.as_u16(), &message))
}

impl Streaming {
    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, EngineError>> {
        loop {
            let frame = match self.connection.as_mut() {
                Some(connection) => tokio::select! {
                    biased;
                    frame = self.body.frame() => frame,
                    ended = connection.as_mut() => {
                        self.connection = None;
                        match ended {
                            Ok(()) => continue,
                            Err(error) => return Some(Err(self.broken(error))),
                        }
                    }
                },
                None => self.body.frame().await,
            };
            match frame? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Some(Ok(data)),
                    _ => {}
                },
                Err(error) => return Some(Err(self.broken(error))),
            }
        }
    }

    fn broken(&self, error: hyper::Error) -> EngineError {
        EngineError::Unreachable { socket: self.socket.clone(), source: error.into() }
    }
}

async fn send(socket: &Path, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Bytes), Failure> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "docker")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let bytes = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await?.to_bytes();
        Ok((status, bytes))
    };
    tokio::pin!(exchange);
    // The connection is driven here rather than by a task, so that nothing outlives the request.
    tokio::select! {
        result = &mut exchange => result,
        driven = connection => {
            driven?;
            exchange.await
        }
    }
}
