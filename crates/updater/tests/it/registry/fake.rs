//! A registry that answers as it is told and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use homeport_image_ref::Reference;

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Counted from 0.
    pub(crate) number: usize,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// A header's text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned()
    }
}

/// A registry on a port of its own.
#[derive(Debug)]
pub(crate) struct Fake {
    address: SocketAddr,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Fake {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        Self::start_slow(Duration::ZERO, answer).await
    }

    /// Takes its time for each answer.
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    pub(crate) async fn start_slow(
        delay: Duration,
        answer: impl Fn(&Asked) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (shared, answer) = (state.clone(), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let (state, answer) = (shared.clone(), answer.clone());
            async move {
                let now = state.now.fetch_add(1, Ordering::SeqCst) + 1;
                state.most.fetch_max(now, Ordering::SeqCst);
                let asked = state.remember(request).await;
                tokio::time::sleep(delay).await;
                state.now.fetch_sub(1, Ordering::SeqCst);
                answer(&asked)
            }
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, server }
    }

    /// Takes connections and says nothing.
    pub(crate) async fn start_silent() -> Self {
        Self::start_slow(Duration::from_secs(60), |_| Response::new(Body::empty())).await
    }

    /// An image of this registry.
    pub(crate) fn image(&self, name: &str) -> Reference {
        format!("{}/{name}", self.address).parse().unwrap()
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// A header of the request of that number.
    pub(crate) fn header(&self, number: usize, name: &str) -> String {
        self.requests()[number].header(name)
    }

    /// Method and address of each request.
    pub(crate) fn log(&self) -> Vec<String> {
        self.requests()
            .iter()
            .map(|asked| match asked.query.as_str() {
                "" => format!("{} {}", asked.method, asked.path),
                query => format!("{} {}?{query}", asked.method, asked.path),
            })
            .collect()
    }

    /// The most requests that were under way at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    async fn remember(&self, request: Request) -> Asked {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let mut log = self.asked.lock().unwrap();
        let asked = Asked {
            number: log.len(),
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or("").to_owned(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        log.push(asked.clone());
        asked
    }
}

/// An answer.
pub(crate) fn reply(status: StatusCode, headers: &[(&str, &str)], body: &str) -> Response {
    let response = headers
        .iter()
        .fold(Response::builder().status(status), |response, (name, value)| response.header(*name, *value));
    response.body(Body::from(body.to_owned())).unwrap()
}
