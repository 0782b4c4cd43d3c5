//! `/auth/tokens`: the devices that may come in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{
    DeleteTokenRequest, ListTokensRequest, RefreshTokenRequest, Token, TokenKind, TokenName,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::{message, not_found, parameters::Parameters, require_factor_of_people};
use crate::{
    app::App,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// A device, as the application lists it.
#[derive(Debug, Serialize)]
pub(super) struct Device {
    name: String,
    date: Option<String>,
    is_caller: bool,
}

async fn all(app: &App) -> Result<Vec<Token>, Problem> {
    let request = ListTokensRequest { kind: TokenKind::Device.into(), user_id: String::new() };
    Ok(of_auth(app.upstream.tokens().list_tokens(request).await)?.tokens)
}

/// `GET /auth/tokens`.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Vec<Device>>, Problem> {
    caller.require_unscoped()?;
    let device = |token: Token| Device {
        is_caller: token.id == caller.principal.credential_id,
        name: token.name,
        date: view::time(token.created_at.as_ref()),
    };
    Ok(Json(all(&app).await?.into_iter().map(device).collect()))
}

/// `DELETE /auth/tokens`. A device cannot take away its own way in.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    require_factor_of_people(&app, &caller).await?;
    // The published document calls it otherwise than server and application do.
    let name = match parameters.text("token_name").or_else(|| parameters.text("token")) {
        Some(name) => name,
        None => match parameters.required("token_name", Some("Token to delete")) {
            Ok(name) => name,
            Err(missing) => return Ok(*missing),
        },
    };
    let Some(token) = all(&app).await?.into_iter().find(|token| token.name == name) else { return Ok(not_found()) };
    if token.id == caller.principal.credential_id {
        return Ok(message(StatusCode::BAD_REQUEST, "Cannot delete caller's token"));
    }
    let mut tokens = app.upstream.tokens();
    let request = DeleteTokenRequest { id: token.id, token: None };
    let deleted = app.finish(async move { of_auth(tokens.delete_token(request).await) }).await;
    app.gate.forget();
    match deleted {
        Err(problem) if problem.kind() == Kind::NotFound => Ok(not_found()),
        other => other.map(|_| message(StatusCode::OK, "Token deleted")),
    }
}

/// `POST /auth/tokens`: the calling device gets another token, and the one before is dead.
pub(super) async fn refresh(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    let Some(secret) = caller.bearer().map(str::to_owned) else { return Ok(not_found()) };
    let is_device = all(&app).await?.iter().any(|token| token.id == caller.principal.credential_id);
    if !is_device {
        return Ok(not_found());
    }
    // By its secret: of two that ask at the same time one comes too late.
    let token = TokenName { kind: TokenKind::Device.into(), secret, ..TokenName::default() };
    let request = RefreshTokenRequest { token: Some(token) };
    let mut tokens = app.upstream.tokens();
    let made = app.finish(async move { of_auth(tokens.refresh_token(request).await) }).await;
    app.gate.forget();
    match made {
        Err(problem) if problem.kind() == Kind::NotFound => Ok(not_found()),
        other => other.map(|made| Json(json!({ "token": made.secret })).into_response()),
    }
}
