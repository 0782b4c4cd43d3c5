//! `GET /api/containers/{name}/stats`: the engine's document, and the figures that people read.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    response::Response,
};
use homeport_proto::docker::v1::GetStatsRequest;
use serde_json::{Map, Value, json};

use super::{
    check::not_found,
    envelope::{json_response, success},
};
use crate::{
    app::App,
    problem::Problem,
    upstream::{of_docker, within},
};

/// The engine takes a second or two for its two samples.
const LIMIT: Duration = Duration::from_secs(6);

/// Measures. The engine's keys stand at the top beside those of the envelope, as both kinds of clients look for them.
pub(super) async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let request = within(LIMIT, GetStatsRequest { container: name.clone() });
    let stats = of_docker(app.upstream.observe().get_stats(request).await);
    let stats = stats.map_err(|problem| not_found(problem, &name))?;
    let mut body: Map<String, Value> = serde_json::from_str(&stats.raw_json).unwrap_or_default();
    body.extend(success(&json!({
        "cpu_percent": stats.cpu_percent,
        "memory_usage": stats.memory_usage_bytes,
        "memory_limit": stats.memory_limit_bytes,
        "memory_percent": stats.memory_percent,
        "network_rx": stats.network_rx_bytes,
        "network_tx": stats.network_tx_bytes,
    })));
    Ok(json_response(&body))
}
