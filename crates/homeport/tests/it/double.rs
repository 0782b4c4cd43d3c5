//! A double of a server, and the binary that talks to it.

use std::{
    collections::VecDeque,
    io::Write as _,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server that answers what it was told to, and remembers what it was asked.
pub(crate) struct Double {
    address: String,
    home: TempDir,
    state: Arc<Mutex<Told>>,
    /// Ends the server with the test.
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Told {
    answers: Vec<Answer>,
    requests: Vec<Asked>,
}

struct Answer {
    /// `METHOD /path`, without the query.
    to: String,
    /// One after the other; the last stays.
    bodies: VecDeque<(u16, String)>,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `METHOD /path?query`
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

impl Double {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Told::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, home: tempfile::tempdir().unwrap(), state, _runtime: runtime }
    }

    /// Answers `METHOD /path` with these documents in turn, each as `data` of the envelope.
    pub(crate) fn data(self, to: &str, documents: impl IntoIterator<Item = Value>) -> Self {
        let bodies = documents.into_iter().map(|data| (200, json!({ "success": true, "data": data }).to_string()));
        self.answer(to, bodies.collect::<Vec<_>>())
    }

    /// Answers `METHOD /path` with this status and body.
    pub(crate) fn raw(self, to: &str, status: u16, body: &str) -> Self {
        self.answer(to, [(status, body.to_owned())])
    }

    /// From now on answers `METHOD /path` with this.
    pub(crate) fn instead(self, to: &str, status: u16, body: &str) -> Self {
        self.state.lock().unwrap().answers.retain(|answer| answer.to != to);
        self.raw(to, status, body)
    }

    /// Answers with these in turn.
    pub(crate) fn answer(self, to: &str, bodies: impl Into<VecDeque<(u16, String)>>) -> Self {
        self.state.lock().unwrap().answers.push(Answer { to: to.to_owned(), bodies: bodies.into() });
        self
    }

    /// Everything that was asked for with this method and path.
    pub(crate) fn asked(&self, to: &str) -> Vec<Asked> {
        let state = self.state.lock().unwrap();
        state.requests.iter().filter(|asked| asked.line.split('?').next() == Some(to)).cloned().collect()
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homeport"));
        command.args(line.split_whitespace()).env_clear().current_dir(self.home());
        command.env("HOME", self.home()).env("HOMEPORT_URL", &self.address);
        command
    }

    /// Runs the binary with this line.
    pub(crate) fn run(&self, line: &str) -> Ended {
        Ended::of(self.command(line).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs it with this on its standard input.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> Ended {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::of(child.wait_with_output().unwrap())
    }
}

async fn answer(State(state): State<Arc<Mutex<Told>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let asked = Asked {
        line: format!("{} {}", parts.method, parts.uri),
        authorization: parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned()),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let to = format!("{} {}", parts.method, parts.uri.path());
    let mut state = state.lock().unwrap();
    state.requests.push(asked);
    let Some(answer) = state.answers.iter_mut().find(|answer| answer.to == to) else {
        return (StatusCode::NOT_FOUND, r#"{"success":false,"error":"404 page not found"}"#).into_response();
    };
    let (status, body) =
        if answer.bodies.len() > 1 { answer.bodies.pop_front().unwrap() } else { answer.bodies[0].clone() };
    let kind =
        if parts.method == Method::GET && to.ends_with("/events") { "text/event-stream" } else { "application/json" };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, kind), (header::RETRY_AFTER, "42")], body).into_response()
}

/// How the binary ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Whether it ended with this code and this on standard output.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, out: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, out), "{self:?}");
    }

    /// What it printed, as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}
