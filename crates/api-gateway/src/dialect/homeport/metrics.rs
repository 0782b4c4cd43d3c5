//! `GET /metrics`, for Prometheus.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::bus::v1::GetStatisticsRequest;
use http::{HeaderValue, header};

use crate::{app::App, metrics, upstream::within};

/// The text format's own type.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How long the bus may take; without its figures the others are still worth having.
const BUS_LIMIT: Duration = Duration::from_secs(1);

/// All counters: those of the gateway, and those of the bus if it is there.
pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    let mut bus = app.upstream.bus();
    let figures = bus.get_statistics(within(BUS_LIMIT, GetStatisticsRequest {}));
    let (services, figures) = tokio::join!(app.upstream.health().all(), figures);
    let mut text = metrics::text(&services);
    if let Ok(figures) = figures {
        text.push_str(&metrics::bus_text(figures.get_ref()));
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}
