//! `/audit`: the record of what was done and who was refused, for administrators.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use homeport_proto::auth::v1::{AuditRow, ListAuditRequest, VerifyAuditRequest, audit_entry::Outcome, principal::Kind};
use serde_json::{Value, json};

use crate::{
    app::App,
    extract::Params,
    problem::Problem,
    upstream::{of_auth, within},
    view,
};

/// Rows that a client gets when it does not say how many, and at most.
const LIMIT: (u32, u32) = (50, 1000);
/// How far back a client can leaf; `after` has no such bound.
const OFFSET_MAX: u32 = 1_000_000;
/// Longest wait for rows that are not there yet, in seconds.
const WAIT_MAX: u32 = 60;
/// How long it may take to read the whole record.
const VERIFY_LIMIT: Duration = Duration::from_secs(60);

/// `GET /audit`: the newest rows first; with `after` those after that number, oldest first, waiting for some if need be.
pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Result<axum::Json<Value>, Problem> {
    let text = |name| params.text(name).unwrap_or_default().to_owned();
    let after = params.text("after").map(str::parse).transpose();
    let wait = params.count("wait", 0, WAIT_MAX);
    let request = ListAuditRequest {
        user_id: text("user"),
        action: text("action"),
        limit: params.count("limit", LIMIT.0, LIMIT.1),
        offset: params.count("offset", 0, OFFSET_MAX),
        after: after.map_err(|_| Problem::bad_request("after is the number of a row"))?,
        wait_ms: wait * 1000,
        ..ListAuditRequest::default()
    };
    let limit = Duration::from_secs(u64::from(wait) + 10);
    let list = async {
        let answer = of_auth(app.upstream.audit().list_audit(within(limit, request)).await)?;
        let rows: Vec<_> = answer.rows.iter().map(row).collect();
        Ok(axum::Json(json!({ "rows": rows, "total": answer.total })))
    };
    // Whoever waits must not hold up the end.
    let nothing = || Ok(axum::Json(json!({ "rows": [], "total": 0 })));
    app.context.drain().run_until_cancelled(list).await.unwrap_or_else(nothing)
}

/// `GET /audit/verify`: whether the record is what was written, and holds the row that somebody kept elsewhere.
pub(super) async fn verify(State(app): State<Arc<App>>, params: Params) -> Result<axum::Json<Value>, Problem> {
    let kept = match params.text("head") {
        Some(text) => {
            head(text).ok_or_else(|| Problem::bad_request("head is the number of a row, `:`, and its hash"))?
        }
        None => VerifyAuditRequest::default(),
    };
    let request = within(VERIFY_LIMIT, kept);
    let verdict = of_auth(app.upstream.audit().verify_audit(request).await)?;
    Ok(axum::Json(json!({
        "intact": verdict.broken_at.is_none(),
        "rows": verdict.rows,
        "broken_at": verdict.broken_at,
        "reason": Some(verdict.reason).filter(|reason| !reason.is_empty()),
        "head": verdict.head,
        "head_number": verdict.head_number,
    })))
}

/// A row as it is kept: `120:9f86d081…`.
fn head(text: &str) -> Option<VerifyAuditRequest> {
    let (number, hash) = text.split_once(':')?;
    let is_one = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    let head_number = number.parse().ok().filter(|_| is_one)?;
    Some(VerifyAuditRequest { head_number, head: hash.to_owned() })
}

fn row(row: &AuditRow) -> Value {
    let entry = row.entry.clone().unwrap_or_default();
    json!({
        "number": row.number,
        "at": view::time(entry.at.as_ref()),
        "who": {
            "kind": kind(entry.principal_kind()),
            "id": entry.principal_id,
            "name": entry.principal_name,
            "user_id": entry.user_id,
        },
        "client_address": entry.client_address,
        "user_agent": entry.user_agent,
        "action": entry.action,
        "method": entry.method,
        "path": entry.path,
        "target": { "kind": entry.target_kind, "id": entry.target_id, "name": entry.target_name },
        "outcome": outcome(entry.outcome()),
        "status": entry.status,
        "request_id": entry.request_id,
        "details": view::details(&entry.details),
        "hash": row.hash,
    })
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "",
        Kind::User => "user",
        Kind::Token => "token",
        Kind::Device => "device",
        Kind::Plugin => "plugin",
        Kind::Project => "project",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Failed | Outcome::Unspecified => "failed",
    }
}
