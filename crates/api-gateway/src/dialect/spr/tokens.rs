//! `/tokens`: API tokens. The secret is in the answer that makes one and nowhere else.

use std::sync::Arc;

use axum::{Extension, extract::State};
use homeport_proto::auth::v1::{CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, Token, TokenName};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    audit::Noted,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// Characters of a secret that lists show; whoever sends more sends the secret.
const PREFIX: usize = 8;

/// A token record: the four keys that clients know, and Homeport's own.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record {
    name: String,
    /// The secret in the answer that made it, its first characters otherwise.
    token: String,
    /// Unix seconds; 0 is never.
    expire: i64,
    scoped_paths: Option<Vec<String>>,
    id: String,
    prefix: String,
    created: Option<i64>,
    last_used: Option<i64>,
}

impl Record {
    fn new(token: Token, secret: Option<String>) -> Self {
        Self {
            name: token.name,
            token: secret.unwrap_or_else(|| token.prefix.clone()),
            expire: view::unix(token.expires_at.as_ref()).unwrap_or_default(),
            scoped_paths: (!token.scopes.is_empty()).then_some(token.scopes),
            id: token.id,
            prefix: token.prefix,
            created: view::unix(token.created_at.as_ref()),
            last_used: view::unix(token.last_used_at.as_ref()),
        }
    }
}

/// `GET /tokens`.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<axum::Json<Vec<Record>>, Problem> {
    caller.require_unscoped()?;
    let tokens = of_auth(app.upstream.tokens().list_tokens(ListTokensRequest::default()).await)?.tokens;
    Ok(axum::Json(tokens.into_iter().map(|token| Record::new(token, None)).collect()))
}

/// Body of a new token: `Name`, `Expire`, `ScopedPaths`. A `Token` that is sent is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewToken {
    name: String,
    expire: Option<i64>,
    scopedpaths: Option<Vec<String>>,
}

/// `PUT /tokens`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<NewToken>,
) -> Result<(Extension<Noted>, axum::Json<Record>), Problem> {
    caller.require_unscoped()?;
    let expires_at = body.expire.filter(|seconds| *seconds != 0);
    let request = CreateTokenRequest {
        name: body.name,
        scopes: body.scopedpaths.unwrap_or_default(),
        expires_at: expires_at.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        user_id: caller.user_id().unwrap_or_default().to_owned(),
        ..CreateTokenRequest::default()
    };
    let mut tokens = app.upstream.tokens();
    let made = app.finish(async move { of_auth(tokens.create_token(request).await) }).await?;
    let token =
        made.token.ok_or_else(|| Problem::new(Kind::Internal, "auth made no token; its log has the details"))?;
    let noted = Noted::about(&token.id, &token.name);
    Ok((Extension(noted), axum::Json(Record::new(token, Some(made.secret)))))
}

/// Body of a deletion: the token by its `Id`, by `Token` (the secret or its first characters), or by `Name`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OldToken {
    id: String,
    token: homeport_service::Secret<String>,
    name: String,
}

impl OldToken {
    /// The token that a whole secret names, which need not be in any list.
    fn secret(&self) -> Option<TokenName> {
        let secret = self.token.expose();
        let whole = self.id.is_empty() && secret.len() > PREFIX;
        whole.then(|| TokenName { secret: secret.clone(), ..TokenName::default() })
    }

    fn names(&self, known: &Token) -> bool {
        let (id, secret, name) = (&self.id, self.token.expose(), &self.name);
        match (id.is_empty(), secret.is_empty()) {
            (false, _) => known.id == *id,
            (true, false) => known.prefix == *secret,
            (true, true) => !name.is_empty() && known.name == *name,
        }
    }
}

/// `DELETE /tokens`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<OldToken>,
) -> Result<Extension<Noted>, Problem> {
    caller.require_unscoped()?;
    let (request, noted) = match body.secret() {
        Some(name) => (DeleteTokenRequest { id: String::new(), token: Some(name) }, Noted::default()),
        None => listed(&app, &body).await?,
    };
    let mut tokens = app.upstream.tokens();
    app.finish(async move { of_auth(tokens.delete_token(request).await) }).await?;
    app.gate.forget();
    Ok(Extension(noted))
}

/// The one token of the list that a body names.
async fn listed(app: &App, body: &OldToken) -> Result<(DeleteTokenRequest, Noted), Problem> {
    let tokens = of_auth(app.upstream.tokens().list_tokens(ListTokensRequest::default()).await)?.tokens;
    let mut matching = tokens.into_iter().filter(|token| body.names(token));
    match (matching.next(), matching.next()) {
        (Some(Token { id, name, .. }), None) => {
            let noted = Noted::about(&id, name);
            Ok((DeleteTokenRequest { id, token: None }, noted))
        }
        (None, _) => Err(Problem::not_found("no such token")),
        (Some(_), Some(_)) => Err(Problem::new(Kind::Conflict, "several tokens match; name one by its Id")),
    }
}
