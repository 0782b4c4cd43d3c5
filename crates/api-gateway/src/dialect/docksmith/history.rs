//! `GET /api/history` and `DELETE /api/history/clear`: what checks found and what was done.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::{ClearHistoryRequest, HistoryEntry, HistoryKind, ListHistoryRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    extract::{Json, Params},
    problem::Problem,
    upstream::of_updater,
    view,
};

const USUAL_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Newest first.
pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Result<Envelope<Value>, Problem> {
    let kind = match params.text("type") {
        Some("check") => HistoryKind::Check,
        Some("update") => HistoryKind::Update,
        _ => HistoryKind::Unspecified,
    };
    let request = ListHistoryRequest { limit: params.count("limit", USUAL_LIMIT, MAX_LIMIT), kind: kind.into() };
    let entries = of_updater(app.upstream.history().list_history(request).await)?.entries;
    let history: Vec<Value> = entries.iter().map(entry).collect();
    Ok(Envelope(json!({ "count": history.len(), "history": history })))
}

/// Body of a clearing. Nobody forgets everything by an empty one.
#[derive(Debug, Deserialize)]
pub(super) struct Clear {
    older_than_days: Option<i64>,
}

/// Forgets what ended so many days ago; 0: everything that has ended.
pub(super) async fn clear(State(app): State<Arc<App>>, Json(body): Json<Clear>) -> Result<Envelope<Value>, Problem> {
    let days = body.older_than_days.ok_or_else(|| Problem::bad_request("older_than_days is required"))?;
    let days = u32::try_from(days).map_err(|_| Problem::bad_request("older_than_days must be 0 or more"))?;
    let mut history = app.upstream.history();
    let cleared = async move { of_updater(history.clear_history(ClearHistoryRequest { older_than_days: days }).await) };
    let deleted = app.finish(cleared).await?.deleted;
    Ok(Envelope(json!({ "deleted": deleted, "message": "History cleared" })))
}

/// `HistoryEntry`.
fn entry(entry: &HistoryEntry) -> Value {
    let is_check = entry.kind() == HistoryKind::Check;
    let mut value = json!({
        "timestamp": view::time(entry.at.as_ref()),
        "type": if is_check { "check" } else { "update" },
        "container_name": entry.container_name,
        "status": entry.status,
    });
    let (old, new) = if is_check { ("current_version", "latest_version") } else { ("from_version", "to_version") };
    let texts = [
        ("image", &entry.image),
        (old, &entry.old_version),
        (new, &entry.new_version),
        ("operation", &entry.operation_id),
        ("error", &entry.error),
    ];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        value[key] = text.as_str().into();
    }
    if !is_check {
        value["success"] = (entry.status == "success").into();
    }
    value
}
