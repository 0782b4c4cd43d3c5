//! `POST /auth/login`: a name and a password for a token.

use std::sync::Arc;

use axum::{Extension, extract::State};
use homeport_proto::auth::v1::{LoginRequest, LoginResponse};
use homeport_service::{
    Secret,
    clock::{Clock as _, SystemClock},
};
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::{
    app::App,
    extract::Json,
    middleware::ClientAddress,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

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
}

/// Signs in. The same words for an unknown user and for a wrong password.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(client)): Extension<ClientAddress>,
    headers: HeaderMap,
    Json(body): Json<Login>,
) -> Result<axum::Json<SignedIn>, Problem> {
    if body.username.is_empty() || body.password.expose().is_empty() {
        return Err(Problem::bad_request("Username and password are required"));
    }
    let request = LoginRequest {
        username: body.username,
        password: body.password.expose().clone(),
        client_address: client.ip().to_string(),
        user_agent: agent(&headers),
    };
    let answer = of_auth(app.upstream.auth().login(request).await).map_err(|problem| match problem.kind() {
        Kind::Unauthorized => problem.with_message("Invalid username or password"),
        _ => problem,
    })?;
    let LoginResponse { token, expires_at, principal, must_change_password } = answer;
    Ok(axum::Json(SignedIn {
        success: true,
        token,
        user: Profile::new(&principal.unwrap_or_default(), Some(view::text(SystemClock.now()))),
        message: "Login successful",
        expires_at: view::time(expires_at.as_ref()),
        must_change_password,
    }))
}

/// What a client says it is.
fn agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
