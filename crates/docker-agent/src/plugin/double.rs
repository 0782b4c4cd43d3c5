//! An engine for tests, which answers as it is told and remembers what it was asked for.

use std::{
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixListener;

use crate::engine::Engine;

/// Status and body.
pub(crate) type Answer = (u16, String);

/// The engine, until it is dropped.
pub(crate) struct Double {
    directory: tempfile::TempDir,
    requests: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::AbortHandle,
}

/// An answer; null is an empty one.
pub(crate) fn answer(status: u16, body: &Value) -> Answer {
    (status, if body.is_null() { String::new() } else { body.to_string() })
}

impl Double {
    /// Serves on a socket of its own. The answers are told by method and path, whose query is decoded.
    pub(crate) fn start(answers: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("engine.sock")).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (Arc::clone(&requests), Arc::new(answers));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                    async move {
                        let (head, body) = request.into_parts();
                        let path = percent_decoded(&head.uri.to_string());
                        let body = body.collect().await.unwrap().to_bytes();
                        let text = format!("{} {path} {}", head.method, String::from_utf8_lossy(&body));
                        seen.lock().unwrap().push(text.trim_end().to_owned());
                        let (status, body) = answers(head.method.as_str(), &path);
                        let response = Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap();
                        Ok::<_, Infallible>(response)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { directory, requests, serving: serving.abort_handle() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.socket(), Duration::from_secs(10))
    }

    /// All requests, as `METHOD path`, with a body behind it if there is one.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Those that are more than a look.
    pub(crate) fn changes(&self) -> Vec<String> {
        let is_look = |request: &String| request.starts_with(Method::GET.as_str());
        self.requests().into_iter().filter(|request| !is_look(request)).collect()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}
