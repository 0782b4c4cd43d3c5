//! One line in the log and one count in the metrics for each request.

use std::time::{Duration, Instant};

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
    let client = request.extensions().get::<ClientAddress>().copied();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    let caller = response.extensions().get::<Caller>().map_or("", Caller::name);
    let status = response.status().as_u16();
    // A poll that is told that nothing has changed comes several times a second.
    let is_routine = (uri.path() == PROBE && status < 400) || status == 304;
    note(&Access { method: &method, path: uri.path(), route, client, caller, status, is_routine }, started.elapsed());
    response
}

/// A request that has been answered.
pub(crate) struct Access<'a> {
    pub(crate) method: &'a Method,
    /// Without the query.
    pub(crate) path: &'a str,
    /// The template of the route, if there is one.
    pub(crate) route: Option<&'a str>,
    pub(crate) client: Option<ClientAddress>,
    /// Empty: nobody was found to be calling.
    pub(crate) caller: &'a str,
    pub(crate) status: u16,
    /// Of no interest while all is well.
    pub(crate) is_routine: bool,
}

/// Counts a request and logs it.
pub(crate) fn note(access: &Access<'_>, elapsed: Duration) {
    let Access { method, path, route, client, caller, status, is_routine } = *access;
    metrics::count_request(route, known(method), status, elapsed);
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if is_routine {
        tracing::debug!(http.method = %method, http.path = path, http.status = status, duration_ms, "request");
    } else {
        tracing::info!(
            http.method = %method,
            http.path = path,
            http.status = status,
            duration_ms,
            client.address = client.map(|client| tracing::field::display(client.0.ip())),
            principal.name = caller,
            "request"
        );
    }
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
