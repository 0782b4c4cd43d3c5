//! `/auth/me/stars`: the applications that one has marked.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::auth::v1::{ListStarsRequest, SetStarRequest};
use serde_json::{Value, json};

use super::account_of;
use crate::{app::App, gate::Caller, problem::Problem, upstream::of_auth};

/// `GET /auth/me/stars`.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<axum::Json<Value>, Problem> {
    let request = ListStarsRequest { user_id: account_of(&caller)? };
    let applications = of_auth(app.upstream.users().list_stars(request).await)?.applications;
    Ok(axum::Json(json!({ "stars": applications })))
}

/// `POST /auth/me/stars/{appId}`.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(application): Path<String>,
) -> Result<axum::Json<Value>, Problem> {
    set(&app, &caller, application, true).await
}

/// `DELETE /auth/me/stars/{appId}`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(application): Path<String>,
) -> Result<axum::Json<Value>, Problem> {
    set(&app, &caller, application, false).await
}

async fn set(app: &App, caller: &Caller, application: String, starred: bool) -> Result<axum::Json<Value>, Problem> {
    let request = SetStarRequest { user_id: account_of(caller)?, application, starred };
    let mut users = app.upstream.users();
    let applications = app.finish(async move { of_auth(users.set_star(request).await) }).await?.applications;
    Ok(axum::Json(json!({ "stars": applications })))
}
