//! `POST /auth/login`: a name and a password for a token.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    response::{AppendHeaders, IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{GetUserRequest, LoginRequest, LoginResponse};
use homeport_service::Secret;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::{cookie, profile::Profile};
use crate::{
    app::App,
    audit::Noted,
    extract::Json,
    middleware::{ClientAddress, Scheme},
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// Longest name that goes into the record.
const NAME_MAX: usize = 64;

/// Body of a login.
#[derive(Debug, Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Secret<String>,
}

/// Answer to a login that succeeded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    success: bool,
    token: String,
    user: Profile,
    message: &'static str,
    expires_at: Option<String>,
    must_change_password: bool,
    #[serde(skip)]
    ends: Option<prost_types::Timestamp>,
}

/// Signs in. The same words for an unknown user and for a wrong password.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(client): Extension<ClientAddress>,
    Extension(scheme): Extension<Scheme>,
    headers: HeaderMap,
    Json(body): Json<Login>,
) -> Response {
    let name = body.username.clone();
    match attempt(&app, client, &headers, body).await {
        Ok(signed_in) => {
            let user = (signed_in.user.id().to_owned(), name);
            let noted = Noted { target: Some(user.clone()), user: Some(user), ..Noted::default() };
            let cookie = cookie::keep(&signed_in.token, signed_in.ends.as_ref(), scheme);
            let cookie = AppendHeaders(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            (Extension(noted), cookie, axum::Json(signed_in)).into_response()
        }
        Err(problem) => {
            // The name may be anything that somebody typed; it says whom they tried to be.
            let noted = Noted {
                user: Some((String::new(), name.chars().take(NAME_MAX).collect())),
                action: Some("login_failed"),
                ..Noted::default()
            };
            (Extension(noted), problem).into_response()
        }
    }
}

async fn attempt(app: &App, client: ClientAddress, headers: &HeaderMap, body: Login) -> Result<SignedIn, Problem> {
    if body.username.is_empty() || body.password.expose().is_empty() {
        return Err(Problem::bad_request("Username and password are required"));
    }
    let request = LoginRequest {
        username: body.username.clone(),
        password: body.password.expose().clone(),
        client_address: client.to_string(),
        user_agent: agent(headers),
    };
    let answer = of_auth(app.upstream.auth().login(request).await).map_err(|problem| match problem.kind() {
        Kind::Unauthorized => problem.with_message("Invalid username or password"),
        _ => problem,
    })?;
    let LoginResponse { token, expires_at, principal, must_change_password } = answer;
    let principal = principal.unwrap_or_default();
    // What else there is to know of the user. Whoever was deleted at this very moment has nothing more.
    let request = GetUserRequest { id: principal.user_id.clone(), name: String::new() };
    let known = app.upstream.users().get_user(request).await.ok().and_then(|answer| answer.into_inner().user);
    Ok(SignedIn {
        success: true,
        token,
        user: known.map_or_else(|| Profile::of_token(&principal), Profile::from),
        message: "Login successful",
        expires_at: view::time(expires_at.as_ref()),
        must_change_password,
        ends: expires_at,
    })
}

/// What a client says it is.
fn agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
