//! `/auth/users` and `/auth/register`: people who can sign in.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use homeport_proto::auth::v1::{
    CreateUserRequest, DeleteUserRequest, ListUsersRequest, ResetPasswordRequest, UpdateUserRequest, User,
};
use homeport_service::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::profile::{Profile, parse_role};
use crate::{
    app::App,
    audit::Noted,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// A user in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    #[serde(flatten)]
    profile: Profile,
    updated_at: Option<String>,
    disabled: bool,
    must_change_password: bool,
}

impl From<User> for Listed {
    fn from(user: User) -> Self {
        Self {
            updated_at: view::time(user.updated_at.as_ref()),
            disabled: user.disabled,
            must_change_password: user.must_change_password,
            profile: user.into(),
        }
    }
}

/// `GET /auth/users`, by name.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<axum::Json<Vec<Listed>>, Problem> {
    let users = of_auth(app.upstream.users().list_users(ListUsersRequest {}).await)?.users;
    Ok(axum::Json(users.into_iter().map(Listed::from).collect()))
}

/// Body of a new user.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewUser {
    username: String,
    password: Secret<String>,
    email: String,
    role: String,
}

type Made = (Extension<Noted>, axum::Json<Value>);

/// `POST /auth/register`. A name that somebody has is a bad request here.
pub(super) async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<NewUser>,
) -> Result<Made, Problem> {
    caller.require_unscoped()?;
    make(&app, body).await.map_err(|problem| match problem.kind() {
        Kind::Conflict => problem.with_kind(Kind::BadRequest),
        _ => problem,
    })
}

/// `POST /auth/users`, which wants an e-mail address.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<NewUser>,
) -> Result<Made, Problem> {
    caller.require_unscoped()?;
    if body.email.is_empty() {
        return Err(Problem::bad_request("Username, email and password are required"));
    }
    make(&app, body).await
}

async fn make(app: &App, body: NewUser) -> Result<Made, Problem> {
    if body.username.is_empty() || body.password.expose().is_empty() {
        return Err(Problem::bad_request("Username and password are required"));
    }
    let request = CreateUserRequest {
        name: body.username,
        password: body.password.expose().clone(),
        email: body.email,
        role: parse_role(&body.role)?.into(),
    };
    let mut users = app.upstream.users();
    let made = app.finish(async move { of_auth(users.create_user(request).await) }).await?.user;
    let user = made.ok_or_else(|| Problem::new(Kind::Internal, "auth made no user; its log has the details"))?;
    let noted = Noted::about(&user.id, &user.name);
    Ok((Extension(noted), axum::Json(json!({ "success": true, "user": Profile::from(user) }))))
}

/// What changes about a user: `role`, `disabled`, `email`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    role: Option<String>,
    disabled: Option<bool>,
    email: Option<String>,
}

/// `PUT /auth/users/{userId}`, which Homeport adds.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<Change>,
) -> Result<Made, Problem> {
    caller.require_unscoped()?;
    if caller.user_id() == Some(&id) && (body.disabled == Some(true) || body.role.is_some()) {
        return Err(Problem::bad_request("another administrator has to change what you may do"));
    }
    let role = body.role.as_deref().map(parse_role).transpose()?.map(i32::from);
    let request = UpdateUserRequest { id, role, disabled: body.disabled, email: body.email };
    let mut users = app.upstream.users();
    let user = app.finish(async move { of_auth(users.update_user(request).await) }).await?.user.unwrap_or_default();
    app.gate.forget();
    let noted = Noted::about(&user.id, &user.name);
    Ok((Extension(noted), axum::Json(json!({ "success": true, "user": Listed::from(user) }))))
}

/// `DELETE /auth/users/{userId}`, with sessions and keys.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Problem> {
    caller.require_unscoped()?;
    if caller.user_id() == Some(&id) {
        return Err(Problem::bad_request("You cannot delete your own account"));
    }
    let mut users = app.upstream.users();
    app.finish(async move { of_auth(users.delete_user(DeleteUserRequest { id }).await) }).await?;
    app.gate.forget();
    Ok(axum::Json(json!({ "success": true, "message": "User deleted" })))
}

/// Body of a password that an administrator sets.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewPassword {
    newpassword: Secret<String>,
}

/// `PUT /auth/users/{userId}/password`, which ends that user's sessions.
pub(super) async fn reset_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<NewPassword>,
) -> Result<axum::Json<Value>, Problem> {
    caller.require_unscoped()?;
    if body.newpassword.expose().is_empty() {
        return Err(Problem::bad_request("New password is required"));
    }
    let request = ResetPasswordRequest { id, new_password: body.newpassword.expose().clone() };
    let mut users = app.upstream.users();
    app.finish(async move { of_auth(users.reset_password(request).await) }).await?;
    app.gate.forget();
    Ok(axum::Json(json!({ "success": true, "message": "Password reset; the user's sessions have ended" })))
}
