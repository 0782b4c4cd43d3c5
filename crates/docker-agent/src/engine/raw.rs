//! Requests whose documents pass untouched.
//!
//! Bollard's types drop every field that they do not know, and fail on an enum value that is newer than they are. For a
//! container that is to be made again without losing anything, the document has to be the engine's own.

use std::{error::Error, path::Path};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::{document::Document as _, error::EngineError};

/// The largest answer that is read; an inspect document has tens of kilobytes, a list of 1000 containers a few megabytes.
const MAX_ANSWER_BYTES: usize = 64 << 20;

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
    let message = match &answer {
        Ok(answer) => answer.text("message").to_owned(),
        Err(_) => String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned(),
    };
    Err(EngineError::Refused { doing: doing.to_owned(), status, message })
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
