//! `GET /api/health`: whether there is an engine and a store behind the API.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::docker::v1::GetEngineRequest;
use http::{HeaderValue, header};
use serde_json::{Value, json};

use super::envelope::text;
use crate::{app::App, problem::Problem, upstream::within};

/// Longer than a healthy engine takes.
const LIMIT: Duration = Duration::from_secs(2);

/// The envelope of the shipped server and the top-level `status` of its published description, in one.
pub(super) async fn get(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let mut engine = app.upstream.engine();
    let (engine, storage) =
        tokio::join!(engine.get_engine(within(LIMIT, GetEngineRequest {})), app.upstream.health().serves("updater"));
    let docker = engine.is_ok();
    let (status, short) = if docker && storage { ("healthy", "ok") } else { ("degraded", "degraded") };
    let data = json!({ "status": status, "services": { "docker": docker, "storage": storage } });
    let mut body: Value = text(&data).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    body["status"] = short.into();
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.to_string()).into_response())
}
