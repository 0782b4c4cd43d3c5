//! `/setup`: the first password becomes one's own. Other than the original, nobody does that who does not have the first one.

use std::sync::Arc;

use axum::{Json as Body, extract::State};
use homeport_proto::{
    auth::v1::{ChangePasswordRequest, GetUserRequest},
    updater::v1::SetReleaseRequest,
};
use homeport_service::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::release::want;
use crate::{
    app::App,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
};

/// Whose password it is.
const FIRST: &str = "admin";

/// `GET /setup`: whether there is anything to do.
pub(super) async fn get(State(app): State<Arc<App>>) -> Result<Body<Value>, Problem> {
    require_open(&app).await?;
    Ok(Body(json!({ "status": "ok" })))
}

/// Body of `PUT /setup`; what belongs to a router in it is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Setup {
    adminpassword: Secret<String>,
    checkupdates: Option<bool>,
}

/// `PUT /setup`, with the first password as `Basic`.
pub(super) async fn put(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Setup>) -> Result<(), Problem> {
    require_open(&app).await?;
    let current = caller.password().filter(|_| caller.name() == FIRST).ok_or_else(|| {
        Problem::new(Kind::Unauthorized, format!("this takes the first password of {FIRST}: send both as Basic"))
    })?;
    let request = ChangePasswordRequest {
        username: FIRST.to_owned(),
        current_password: current.expose().clone(),
        new_password: body.adminpassword.expose().clone(),
        session_token: String::new(),
        client_address: caller.client().to_string(),
    };
    let mut auth = app.upstream.auth();
    app.finish(async move { of_auth(auth.change_password(request).await) }).await?;
    app.gate.forget();
    match body.checkupdates {
        None => Ok(()),
        check_updates => want(&app, SetReleaseRequest { check_updates, ..SetReleaseRequest::default() }).await,
    }
}

/// `PUT /setup_done`: it is, as soon as there is another password.
pub(super) async fn done(State(app): State<Arc<App>>) -> Result<(), Problem> {
    if is_open(&app).await? {
        Err(Problem::bad_request("choose another password first, with PUT /setup"))
    } else {
        Ok(())
    }
}

async fn require_open(app: &App) -> Result<(), Problem> {
    if is_open(app).await? { Ok(()) } else { Err(Problem::bad_request("setup already done")) }
}

/// Whether the first password is still the one that Homeport made.
async fn is_open(app: &App) -> Result<bool, Problem> {
    let request = GetUserRequest { id: String::new(), name: FIRST.to_owned() };
    match of_auth(app.upstream.users().get_user(request).await) {
        Ok(answer) => Ok(answer.user.is_some_and(|user| user.must_change_password)),
        Err(problem) if problem.kind() == Kind::NotFound => Ok(false),
        Err(problem) => Err(problem),
    }
}
