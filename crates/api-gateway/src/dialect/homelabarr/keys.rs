//! `/auth/api-keys`: keys for a person's own applications, which act with that person's role.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use homeport_proto::auth::v1::{
    CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, Role, Token, TokenKind, TokenName, principal,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account_of;
use crate::{
    app::App,
    audit::Noted,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// What a key is called when nobody says.
const LABEL: &str = "Mobile App";

/// Body of a new key: `label` or `name`, and `scope`, `expiresAt` that Homeport adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewKey {
    label: Option<String>,
    name: Option<String>,
    /// `read`, `operate` or `admin`. Unset: all that its owner may.
    scope: Option<String>,
    expiresat: Option<String>,
}

/// `POST /auth/api-keys`. The key is in the answer and nowhere else afterwards.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<NewKey>,
) -> Result<(StatusCode, Extension<Noted>, axum::Json<Value>), Problem> {
    // A key that leaked must not be able to make others that outlive it.
    if caller.principal.kind() != principal::Kind::User {
        caller.require_unscoped()?;
    }
    let expires_at = body.expiresat.map(|text| view::parse_time(&text).ok_or(text)).transpose();
    let request = CreateTokenRequest {
        name: body.label.or(body.name).filter(|label| !label.is_empty()).unwrap_or_else(|| LABEL.to_owned()),
        kind: TokenKind::Key.into(),
        user_id: account_of(&caller)?,
        role: role(body.scope.as_deref())?.into(),
        scopes: caller.principal.scopes.clone(),
        expires_at: expires_at.map_err(|_| Problem::bad_request("expiresAt is a time such as 2027-01-31T00:00:00Z"))?,
        ..CreateTokenRequest::default()
    };
    let mut tokens = app.upstream.tokens();
    let made = app.finish(async move { of_auth(tokens.create_token(request).await) }).await?;
    let key = made.token.ok_or_else(|| Problem::new(Kind::Internal, "auth made no key; its log has the details"))?;
    let noted = Noted::about(&key.id, &key.name);
    let answer = json!({
        "id": key.id,
        "key": made.secret,
        "label": key.name,
        "name": key.name,
        "createdAt": view::time(key.created_at.as_ref()),
        "expiresAt": view::time(key.expires_at.as_ref()),
        "message": "Keep this key: it is not shown again",
    });
    Ok((StatusCode::CREATED, Extension(noted), axum::Json(answer)))
}

/// `GET /auth/api-keys`: one's own.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<axum::Json<Value>, Problem> {
    let request = ListTokensRequest { kind: TokenKind::Key.into(), user_id: account_of(&caller)? };
    let keys = of_auth(app.upstream.tokens().list_tokens(request).await)?.tokens;
    Ok(axum::Json(json!({ "apiKeys": keys.iter().map(record).collect::<Vec<_>>() })))
}

/// `DELETE /auth/api-keys/{keyId}`: one of one's own.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Problem> {
    let name = TokenName { id, user_id: account_of(&caller)?, ..TokenName::default() };
    let request = DeleteTokenRequest { id: String::new(), token: Some(name) };
    let mut tokens = app.upstream.tokens();
    app.finish(async move { of_auth(tokens.delete_token(request).await) }).await?;
    app.gate.forget();
    Ok(axum::Json(json!({ "success": true, "message": "API key revoked" })))
}

fn record(key: &Token) -> Value {
    json!({
        "id": key.id,
        "userId": key.user_id,
        "label": key.name,
        "createdAt": view::time(key.created_at.as_ref()),
        "lastUsed": view::time(key.last_used_at.as_ref()),
        "expiresAt": view::time(key.expires_at.as_ref()),
        "revoked": false,
        "keyPreview": format!("{}...{}", key.prefix, key.suffix),
    })
}

fn role(scope: Option<&str>) -> Result<Role, Problem> {
    match scope {
        None | Some("") => Ok(Role::Unspecified),
        Some("read") => Ok(Role::Viewer),
        Some("operate") => Ok(Role::Operator),
        Some("admin") => Ok(Role::Admin),
        Some(_) => Err(Problem::bad_request("the scope of a key is read, operate or admin")),
    }
}
