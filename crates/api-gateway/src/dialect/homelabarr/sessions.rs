//! `/auth/sessions`: where one is signed in.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::auth::v1::{EndSessionRequest, ListSessionsRequest};
use serde::Serialize;
use serde_json::{Value, json};

use super::account_of;
use crate::{app::App, gate::Caller, problem::Problem, upstream::of_auth, view};

/// A session of one's own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    id: String,
    created_at: Option<String>,
    last_activity: Option<String>,
    user_agent: String,
    ip_address: String,
    current: bool,
    expires_at: Option<String>,
}

/// `GET /auth/sessions`, newest first.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<axum::Json<Vec<Session>>, Problem> {
    let request = ListSessionsRequest { user_id: account_of(&caller)? };
    let sessions = of_auth(app.upstream.sessions().list_sessions(request).await)?.sessions;
    let own = |session: homeport_proto::auth::v1::Session| Session {
        current: session.id == caller.principal.credential_id,
        created_at: view::time(session.created_at.as_ref()),
        last_activity: view::time(session.last_activity_at.as_ref()),
        expires_at: view::time(session.expires_at.as_ref()),
        id: session.id,
        user_agent: session.user_agent,
        ip_address: session.client_address,
    };
    Ok(axum::Json(sessions.into_iter().map(own).collect()))
}

/// `DELETE /auth/sessions/{sessionId}`: ends one of one's own.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(session_id): Path<String>,
) -> Result<axum::Json<Value>, Problem> {
    let (user_id, client_address) = (account_of(&caller)?, caller.client().to_string());
    let request = EndSessionRequest { user_id, session_id, client_address };
    let mut sessions = app.upstream.sessions();
    app.finish(async move { of_auth(sessions.end_session(request).await) }).await?;
    app.gate.forget();
    Ok(axum::Json(json!({ "success": true })))
}
