//! `POST /auth/logout`: the end of a session.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    response::{AppendHeaders, IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{LogoutRequest, principal};
use http::header;
use serde_json::json;

use super::cookie;
use crate::{app::App, gate::Caller, middleware::Scheme, problem::Problem, upstream::of_auth};

/// Ends the session whose token this is. An API token has no session, and a password sent with each request neither.
pub(super) async fn logout(
    State(app): State<Arc<App>>,
    Extension(scheme): Extension<Scheme>,
    caller: Caller,
) -> Result<Response, Problem> {
    let token = caller.bearer().filter(|_| caller.principal.kind() == principal::Kind::User);
    let Some(token) = token.map(str::to_owned) else {
        return Err(Problem::bad_request("this credential has no session to end; delete the token instead"));
    };
    let request = LogoutRequest { token, client_address: caller.client().to_string() };
    let mut auth = app.upstream.auth();
    app.finish(async move { of_auth(auth.logout(request).await) }).await?;
    app.gate.forget();
    let cookie = AppendHeaders(cookie::forget(scheme).map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((cookie, axum::Json(json!({ "success": true, "message": "Logged out" }))).into_response())
}
