//! `GET /healthz`: that the gateway serves; on request, whether the others do.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::{app::App, extract::Params, gate::has_credential};

/// 200 as long as the gateway serves. With `?verbose` or a credential every service is listed, and the status is 503
/// when one of them does not serve.
pub(super) async fn get(State(app): State<Arc<App>>, headers: HeaderMap, params: Params) -> Response {
    if !params.has("verbose") && !has_credential(&headers) {
        return Json(json!({ "status": "ok" })).into_response();
    }
    let services = app.upstream.health().all().await;
    let all = services.iter().all(|health| health.serving);
    let listed: Map<String, Value> = services
        .iter()
        .map(|health| (health.service.to_owned(), if health.serving { "serving" } else { "not serving" }.into()))
        .collect();
    let (code, status) = if all { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "degraded") };
    (code, Json(json!({ "status": status, "services": listed }))).into_response()
}
