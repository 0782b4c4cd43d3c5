//! `GET /metrics`, for Prometheus.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};

use crate::app::App;

/// The text format's own type.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// All counters.
pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    let services = app.upstream.health().all().await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], app.metrics.render(&services)).into_response()
}
