//! `GET /auth/me` and `POST /auth/change-password`: one's own account.

use std::sync::Arc;

use axum::{Extension, extract::State};
use homeport_proto::auth::v1::{ChangePasswordRequest, GetUserRequest, principal};
use homeport_service::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::profile::Profile;
use crate::{
    app::App,
    audit::Noted,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
};

/// The profile twice: clients read it in one place or the other.
#[derive(Debug, Serialize)]
pub(super) struct Me {
    success: bool,
    user: Profile,
    #[serde(flatten)]
    profile: Profile,
}

/// Who is calling.
pub(super) async fn me(State(app): State<Arc<App>>, caller: Caller) -> Result<axum::Json<Me>, Problem> {
    let profile = match caller.user_id() {
        None => Profile::of_token(&caller.principal),
        Some(id) => {
            let request = GetUserRequest { id: id.to_owned(), name: String::new() };
            let user = of_auth(app.upstream.users().get_user(request).await)?.user;
            user.ok_or_else(|| Problem::not_found("User not found"))?.into()
        }
    };
    Ok(axum::Json(Me { success: true, user: profile.clone(), profile }))
}

/// Body of a change of password: `currentPassword`, `newPassword`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Passwords {
    currentpassword: Secret<String>,
    newpassword: Secret<String>,
}

/// Changes one's own password.
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Passwords>,
) -> Result<(Extension<Noted>, axum::Json<Value>), Problem> {
    if caller.principal.kind() != principal::Kind::User {
        return Err(Problem::new(Kind::Forbidden, "a token has no password; sign in as the user"));
    }
    let (current, new) = (body.currentpassword.expose().clone(), body.newpassword.expose().clone());
    if current.is_empty() || new.is_empty() {
        return Err(Problem::bad_request("Current password and new password are required"));
    }
    let username = caller.principal.name.clone();
    let noted = Noted::about(&caller.principal.id, &username);
    let session_token = caller.bearer().unwrap_or_default().to_owned();
    let client_address = caller.client().to_string();
    let request =
        ChangePasswordRequest { username, current_password: current, new_password: new, session_token, client_address };
    let mut auth = app.upstream.auth();
    let changed = app.finish(async move { of_auth(auth.change_password(request).await) }).await;
    // A 401 would make the client throw its token away, and that one is good.
    changed.map_err(|problem| match problem.kind() {
        Kind::Unauthorized => problem.with_kind(Kind::BadRequest).with_message("Current password is incorrect"),
        _ => problem,
    })?;
    app.gate.forget();
    let answer = json!({ "success": true, "message": "Password changed successfully" });
    Ok((Extension(noted), axum::Json(answer)))
}
