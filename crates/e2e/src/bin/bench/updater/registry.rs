//! A registry on the loopback that takes its time, and counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{Method, Response, header},
};

/// What it was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requests {
    pub(super) heads: usize,
    pub(super) others: usize,
}

#[derive(Default)]
struct Counters {
    heads: AtomicUsize,
    others: AtomicUsize,
}

/// A registry that ends with its value.
pub(super) struct Registry {
    counters: Arc<Counters>,
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl Registry {
    pub(super) fn start(answer_time: Duration) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let (port, counters) = (listener.local_addr()?.port(), Arc::new(Counters::default()));
        let shared = counters.clone();
        let router = Router::new().fallback(move |request: Request| {
            let counters = shared.clone();
            async move {
                let counter = if request.method() == Method::HEAD { &counters.heads } else { &counters.others };
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(answer_time).await;
                answer(request.uri().path())
            }
        });
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { counters, port, _runtime: runtime })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// What it was asked since this was called last.
    pub(super) fn taken(&self) -> Requests {
        let take = |counter: &AtomicUsize| counter.swap(0, Ordering::Relaxed);
        Requests { heads: take(&self.counters.heads), others: take(&self.counters.others) }
    }
}

/// Every repository has the same two hundred tags.
fn answer(path: &str) -> Response<String> {
    if path.ends_with("/tags/list") {
        let tags: Vec<_> = (0..100)
            .flat_map(|number| ["", "-alpine"].map(|variant| format!("\"1.{}.{}{variant}\"", number / 4, number % 4)))
            .collect();
        return Response::new(format!("{{\"tags\":[{}]}}", tags.join(",")));
    }
    let index = super::engine::index(path.rsplit('/').next().unwrap_or(""));
    let response = Response::builder().header("docker-content-digest", super::engine::digest(&index));
    response.header(header::CONTENT_TYPE, "application/vnd.oci.image.index.v1+json").body(index).unwrap_or_default()
}
