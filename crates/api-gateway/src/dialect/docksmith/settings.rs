//! `GET` and `PUT /api/settings/{key}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::updater::v1::{GetSettingRequest, SetSettingRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    extract::Json,
    problem::{Kind, Problem},
    upstream::of_updater,
};

/// What it is.
pub(super) async fn get(State(app): State<Arc<App>>, Path(key): Path<String>) -> Result<Envelope<Value>, Problem> {
    let answer = of_updater(app.upstream.settings().get_setting(GetSettingRequest { key: key.clone() }).await);
    let value = answer.map_err(unknown)?.value;
    Ok(Envelope(json!({ "key": key, "value": value })))
}

/// Body of a change. The value is a text, whatever it means.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    value: Option<String>,
}

/// Changes it.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Json(body): Json<Change>,
) -> Result<Envelope<Value>, Problem> {
    let value = body.value.ok_or_else(|| Problem::bad_request("value is required"))?;
    let mut settings = app.upstream.settings();
    let request = SetSettingRequest { key: key.clone(), value };
    app.finish(async move { of_updater(settings.set_setting(request).await) }).await.map_err(unknown)?;
    get(State(app), Path(key)).await
}

/// Clients know it as a bad request.
fn unknown(problem: Problem) -> Problem {
    if problem.kind() == Kind::NotFound { problem.with_kind(Kind::BadRequest) } else { problem }
}
