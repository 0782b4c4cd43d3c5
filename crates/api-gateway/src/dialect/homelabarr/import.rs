//! `POST /auth/import`: the users and tokens of another installation. Homeport adds it; `homeport auth import` reads the
//! files.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::auth::v1::{ImportRequest, ImportedToken, ImportedUser, TokenKind};
use homeport_service::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::profile::parse_role;
use crate::{app::App, extract::Json, gate::Caller, problem::Problem, upstream::of_auth};

/// What is to be taken over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Import {
    users: Vec<User>,
    tokens: Vec<Token>,
    replace: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    id: String,
    username: String,
    email: String,
    role: String,
    passwordhash: Secret<String>,
    password: Secret<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    name: String,
    secret: Secret<String>,
    scopes: Vec<String>,
    /// Unix seconds; 0 is never.
    expires: i64,
    /// `api` or `key`.
    kind: String,
    userid: String,
}

/// Takes over what is not here yet, and says what was left out.
pub(super) async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Import>,
) -> Result<axum::Json<Value>, Problem> {
    caller.require_unscoped()?;
    let request = ImportRequest {
        replace: body.replace,
        users: body.users.into_iter().map(user).collect::<Result<_, _>>()?,
        tokens: body.tokens.into_iter().map(token).collect::<Result<_, _>>()?,
    };
    let mut users = app.upstream.users();
    let done = app.finish(async move { of_auth(users.import(request).await) }).await?;
    Ok(axum::Json(json!({
        "success": true,
        "users": done.users,
        "tokens": done.tokens,
        "skipped": done.skipped,
    })))
}

fn user(user: User) -> Result<ImportedUser, Problem> {
    Ok(ImportedUser {
        id: user.id,
        name: user.username,
        email: user.email,
        role: parse_role(&user.role)?.into(),
        password_hash: user.passwordhash.expose().clone(),
        password: user.password.expose().clone(),
    })
}

fn token(token: Token) -> Result<ImportedToken, Problem> {
    let kind = match token.kind.as_str() {
        "" | "api" => TokenKind::Api,
        "key" => TokenKind::Key,
        _ => return Err(Problem::bad_request("the kind of a token is api or key")),
    };
    Ok(ImportedToken {
        name: token.name,
        secret: token.secret.expose().clone(),
        scopes: token.scopes,
        expires_at: (token.expires != 0).then_some(prost_types::Timestamp { seconds: token.expires, nanos: 0 }),
        kind: kind.into(),
        user_id: token.userid,
    })
}
