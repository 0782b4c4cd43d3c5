//! The engine's API as it is, so that no library's idea of a container is between a spec and the engine.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

use serde_json::Value;

use crate::world::engine;

/// Posts a document; gives the answer's, or what the engine said instead.
pub(crate) fn post(path: &str, body: &Value) -> Result<Value, String> {
    let (socket, body) = (engine(), body.to_string());
    let mut stream = UnixStream::connect(socket.trim_start_matches("unix://")).map_err(|error| error.to_string())?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    let head =
        format!("POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let (head, content) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        return Err(format!("POST {path}: {status} {content} for {body}"));
    }
    Ok(serde_json::from_str(content).unwrap_or_default())
}
