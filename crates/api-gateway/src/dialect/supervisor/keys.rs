//! Making, listing and replacing the keys of the supervisor: its own, and one for each project.

use std::sync::Arc;

use axum::{
    Json as Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{
    CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, RefreshTokenRequest, RescopeTokenRequest, Token,
    TokenKind, TokenName, principal,
};
use http::header;
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// Where keys reach: the supervisor's own API, whichever other one is served beside it.
const SCOPES: [&str; 2] = ["/v1", "/v2"];
/// What an administrator can take away from a project, and where that is done.
const VERBS: [(&str, &[&str]); 3] = [
    ("device:power", &["/v1/reboot", "/v1/shutdown"]),
    ("device:update", &["/v1/update"]),
    ("device:network", &["/v1/tcp-ping", "/v1/device/host-config"]),
];
/// What is before the path of something that was taken away.
const EXCEPT: &str = "!";

/// A key, without its text but in the answer that makes it.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// Null: the device's own.
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    prefix: String,
    withdrawn: Vec<&'static str>,
    created: Option<String>,
    last_used: Option<String>,
}

/// Which key is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    /// Empty: the device's own.
    project: String,
}

/// Which key is meant, and what its project may not do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Withdrawn {
    project: String,
    withdrawn: Vec<String>,
}

impl Listed {
    fn new(token: Token, key: Option<String>) -> Self {
        let is_withdrawn = |paths: &[&str]| paths.iter().any(|path| token.scopes.contains(&format!("{EXCEPT}{path}")));
        Self {
            withdrawn: VERBS.iter().filter(|(_, paths)| is_withdrawn(paths)).map(|(verb, _)| *verb).collect(),
            project: (token.kind() == TokenKind::Project).then_some(token.subject),
            key,
            prefix: token.prefix,
            created: view::time(token.created_at.as_ref()),
            last_used: view::time(token.last_used_at.as_ref()),
        }
    }
}

impl Which {
    fn kind(&self) -> TokenKind {
        if self.project.is_empty() { TokenKind::Supervisor } else { TokenKind::Project }
    }

    fn named(&self) -> TokenName {
        TokenName { kind: self.kind().into(), subject: self.project.clone(), ..TokenName::default() }
    }
}

/// `POST /v1/regenerate-api-key`: the key of the call is replaced, and dead.
pub(super) async fn regenerate(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    let unauthorized = || Problem::new(Kind::Unauthorized, "Unauthorized");
    if caller.principal.kind() != principal::Kind::Project {
        return Err(unauthorized());
    }
    let secret = caller.bearer().ok_or_else(unauthorized)?.to_owned();
    // By its secret: of two that ask at the same time one comes too late, and no third key comes of it.
    let request = RefreshTokenRequest { token: Some(TokenName { secret, ..TokenName::default() }) };
    let mut tokens = app.upstream.tokens();
    let made = app.finish(async move { of_auth(tokens.refresh_token(request).await) }).await;
    app.gate.forget();
    let made = made.map_err(|problem| match problem.kind() {
        Kind::NotFound => unauthorized(),
        _ => problem,
    })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], made.secret).into_response())
}

/// `GET /auth/supervisor_keys`.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Body<Vec<Listed>>, Problem> {
    caller.require_unscoped()?;
    let mut keys = Vec::new();
    for kind in [TokenKind::Supervisor, TokenKind::Project] {
        let request = ListTokensRequest { kind: kind.into(), user_id: String::new() };
        let tokens = of_auth(app.upstream.tokens().list_tokens(request).await)?.tokens;
        keys.extend(tokens.into_iter().map(|token| Listed::new(token, None)));
    }
    Ok(Body(keys))
}

/// `PUT /auth/supervisor_keys`: makes a key, in place of the one before.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(which): Json<Which>,
) -> Result<Body<Listed>, Problem> {
    caller.require_unscoped()?;
    let name = if which.project.is_empty() { "device".to_owned() } else { which.project.clone() };
    let wanted = CreateTokenRequest {
        name,
        kind: which.kind().into(),
        subject: which.project.clone(),
        scopes: SCOPES.map(str::to_owned).to_vec(),
        ..CreateTokenRequest::default()
    };
    let again = RefreshTokenRequest { token: Some(which.named()) };
    let mut tokens = app.upstream.tokens();
    let made = app.finish(async move {
        match of_auth(tokens.create_token(wanted).await) {
            Ok(made) => Ok((made.token, made.secret)),
            Err(problem) if problem.kind() == Kind::Conflict => {
                of_auth(tokens.refresh_token(again).await).map(|made| (made.token, made.secret))
            }
            Err(problem) => Err(problem),
        }
    });
    let (token, secret) = made.await?;
    app.gate.forget();
    Ok(Body(Listed::new(token.unwrap_or_default(), Some(secret))))
}

/// `PUT /auth/supervisor_keys/withdrawn`: what a project may not do any more, in place of what was said before.
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Withdrawn>,
) -> Result<Body<Listed>, Problem> {
    caller.require_unscoped()?;
    if body.project.is_empty() {
        return Err(Problem::bad_request("name a project; the device's own key covers everything"));
    }
    let mut scopes = SCOPES.map(str::to_owned).to_vec();
    for verb in &body.withdrawn {
        let known = VERBS.iter().find(|(known, _)| known == verb);
        let (_, paths) = known.ok_or_else(|| {
            let verbs = VERBS.map(|(verb, _)| verb).join(", ");
            Problem::bad_request(format!("{verb:?} is none of {verbs}"))
        })?;
        scopes.extend(paths.iter().map(|path| format!("{EXCEPT}{path}")));
    }
    let token = Some(Which { project: body.project }.named());
    let request = RescopeTokenRequest { token, scopes, ..RescopeTokenRequest::default() };
    let mut tokens = app.upstream.tokens();
    let token = app.finish(async move { of_auth(tokens.rescope_token(request).await) }).await?.token;
    app.gate.forget();
    Ok(Body(Listed::new(token.unwrap_or_default(), None)))
}

/// `DELETE /auth/supervisor_keys`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(which): Json<Which>,
) -> Result<(), Problem> {
    caller.require_unscoped()?;
    let request = DeleteTokenRequest { id: String::new(), token: Some(which.named()) };
    let mut tokens = app.upstream.tokens();
    app.finish(async move { of_auth(tokens.delete_token(request).await) }).await?;
    app.gate.forget();
    Ok(())
}
