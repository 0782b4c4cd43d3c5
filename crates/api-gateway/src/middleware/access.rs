//! One line in the log and one count in the metrics for each request.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::Method;

use super::ClientAddress;
use crate::{gate::Caller, metrics};

/// The path that health checks ask every few seconds.
const PROBE: &str = "/healthz";

pub(super) async fn record(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // Without the query: it may hold secrets.
    let uri = request.uri().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let client = request.extensions().get::<ClientAddress>().map(|client| client.0);
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    metrics::count_request(route.as_ref().map(MatchedPath::as_str), known(&method), status, elapsed);
    let (path, caller) = (uri.path(), response.extensions().get::<Caller>().map_or("", Caller::name));
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    // A poll that is told that nothing has changed comes several times a second.
    let is_routine = (path == PROBE && status < 400) || status == 304;
    if is_routine {
        tracing::debug!(http.method = %method, http.path = path, http.status = status, duration_ms, "request");
    } else {
        tracing::info!(
            http.method = %method,
            http.path = path,
            http.status = status,
            duration_ms,
            client.address = client.map(|client| tracing::field::display(client.ip())),
            principal.name = caller,
            "request"
        );
    }
    response
}

/// Methods are a label of the metrics, and a client may invent any.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
