//! `GET /auth/activity-log`: those rows of the record that have a name here.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::auth::v1::{AuditRow, ListAuditRequest};
use serde_json::{Value, json};

use crate::{app::App, extract::Params, problem::Problem, upstream::of_auth, view};

/// Rows that a client gets when it does not say how many, and at most.
const LIMIT: (u32, u32) = (50, 200);
/// How far back a client can leaf.
const OFFSET_MAX: u32 = 10_000;
/// Characters of an id behind `act_`.
const ID: usize = 24;

/// Newest first.
pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Result<axum::Json<Value>, Problem> {
    let text = |name| params.text(name).unwrap_or_default().to_owned();
    let request = ListAuditRequest {
        user_id: text("userId"),
        action: text("action"),
        named: true,
        limit: params.count("limit", LIMIT.0, LIMIT.1),
        offset: params.count("offset", 0, OFFSET_MAX),
        ..ListAuditRequest::default()
    };
    let answer = of_auth(app.upstream.audit().list_audit(request).await)?;
    let activities: Vec<_> = answer.rows.iter().filter_map(activity).collect();
    Ok(axum::Json(json!({ "activities": activities, "total": answer.total })))
}

fn activity(row: &AuditRow) -> Option<Value> {
    let entry = row.entry.as_ref()?;
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Some(json!({
        "id": format!("act_{}", row.hash.get(..ID)?),
        "userId": entry.user_id,
        "username": entry.principal_name,
        "timestamp": view::time(entry.at.as_ref()),
        "action": entry.action,
        "targetType": entry.target_kind,
        "targetId": entry.target_id,
        "targetName": if entry.target_name.is_empty() { &entry.target_id } else { &entry.target_name },
        "details": view::details(&entry.details),
        "ipAddress": some(&entry.client_address),
        "userAgent": some(&entry.user_agent),
    }))
}
