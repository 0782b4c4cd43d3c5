//! `GET /api/events`: what happens, as it happens.

use std::time::Duration;

use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Api, Error};

/// The server breaks its silence every 15 s. After three of those it is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// Longest event. The longest that the bus takes has 4 MiB.
const EVENT_MAX: usize = 5 << 20;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Such as `update.progress`.
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) payload: Value,
}

/// An open stream of events.
#[derive(Debug)]
pub(crate) struct EventStream {
    response: Response,
    parser: Parser,
}

impl Api {
    /// Opens the stream, after the event `last` if the server still has what came since.
    pub(crate) async fn events(&self, last: Option<&str>) -> Result<EventStream, Error> {
        let mut request = self.endless_request(Method::GET, "/api/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Ok(EventStream { response: self.send(request).await?, parser: Parser::default() })
    }
}

impl EventStream {
    /// The next event; nothing when the stream has broken or the server has gone silent.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.parser.pop() {
                return Some(event);
            }
            let chunk = tokio::time::timeout(SILENCE_LIMIT, self.response.chunk()).await.ok()?.ok()??;
            self.parser.push(&chunk)?;
        }
    }

    /// The newest event's id, to come back with.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.parser.last_id.as_deref()
    }
}

/// Lines of `text/event-stream` to events. Only `data` and `id` say anything that is not in the data itself.
#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
    data: String,
    last_id: Option<String>,
}

impl Parser {
    /// Takes what has come. Nothing: the server sends something else than events.
    fn push(&mut self, chunk: &[u8]) -> Option<()> {
        self.buffer.extend_from_slice(chunk);
        (self.buffer.len() + self.data.len() <= EVENT_MAX).then_some(())
    }

    fn pop(&mut self) -> Option<Event> {
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if !line.is_empty() {
                self.line(line);
            } else if let Ok(event) = serde_json::from_str(&std::mem::take(&mut self.data)) {
                return Some(event);
            }
        }
        None
    }

    fn line(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" => self.last_id = Some(value.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_they_are_cut() {
        let stream = "event: connected\ndata: {\"status\":\"connected\"}\n\n: keepalive\n\nid: 7\nevent: update.progress\r\n\
                      data: {\"type\":\"update.progress\",\ndata: \"payload\":{\"progress\":50}}\r\n\r\n\
                      data: {\"type\":\"container.updated\"}\n\n";
        for size in [1, 2, 3, 7, 1000] {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                parser.push(chunk).unwrap();
                events.extend(std::iter::from_fn(|| parser.pop()));
            }
            assert_eq!(events.len(), 2, "{events:?}");
            assert_eq!(events[0].r#type, "update.progress");
            assert_eq!(events[0].payload["progress"], 50);
            assert_eq!(events[1].payload, Value::Null);
            assert_eq!(parser.last_id.as_deref(), Some("7"));
        }
    }

    #[test]
    fn an_endless_line_ends_the_stream() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1 << 20];
        assert!((0..10).any(|_| parser.push(&chunk).is_none()));
    }
}
