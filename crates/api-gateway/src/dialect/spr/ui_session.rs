//! `/plugin/ui_session`: the token that the page of a plugin gets for as long as somebody looks at it.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, TokenKind};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::{
    app::App,
    extract::Json,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_auth,
};

/// What is spoken between a page and what shows it.
const PROTOCOL: u32 = 1;

/// Body of a new session: `pluginURI`, `protocolVersion`, and the session that it replaces.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewSession {
    pluginuri: String,
    protocolversion: u32,
    replacesessionid: Option<String>,
}

/// `PUT /plugin/ui_session`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<NewSession>,
) -> Result<Response, Problem> {
    if body.protocolversion != PROTOCOL {
        let body = json!({ "error": "unsupported_protocol", "supportedProtocolVersions": [PROTOCOL] });
        return Ok((StatusCode::CONFLICT, axum::Json(body)).into_response());
    }
    // It could reach more with the page's token than with its own.
    if !caller.principal.scopes.is_empty() {
        return Err(Problem::new(Kind::Forbidden, "a token that is limited to some paths opens no page"));
    }
    let uri = body.pluginuri;
    if !app.plugins.has_sandboxed_page(&uri) {
        return Err(Problem::new(Kind::Forbidden, format!("there is no plugin {uri} with a page in a sandbox")));
    }
    let user_id = caller.user_id().unwrap_or_default().to_owned();
    let request = CreateTokenRequest {
        name: "page".to_owned(),
        kind: TokenKind::Ui.into(),
        subject: uri.clone(),
        user_id: user_id.clone(),
        role: caller.principal.role,
        ..Default::default()
    };
    let work = Arc::clone(&app);
    let made = app
        .finish(async move {
            if let Some(id) = body.replacesessionid.filter(|id| !id.is_empty()) {
                end(&work, user_id, id).await?;
            }
            of_auth(work.upstream.tokens().create_token(request).await)
        })
        .await?;
    let token =
        made.token.ok_or_else(|| Problem::new(Kind::Internal, "auth made no token; its log has the details"))?;
    app.gate.opened_page(token.id.clone(), &caller, token.expires_at.and_then(|at| SystemTime::try_from(at).ok()));
    let expires_at = token.expires_at.map(|at| at.seconds.saturating_mul(1000) + i64::from(at.nanos) / 1_000_000);
    let answer = json!({
        "token": made.secret,
        "sessionId": token.id,
        "pluginURI": uri,
        "expiresAt": expires_at,
        "protocolVersion": PROTOCOL,
    });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], axum::Json(answer)).into_response())
}

/// `DELETE /plugin/ui_session/{id}`: whether there was one is of no matter.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (work, user_id) = (Arc::clone(&app), caller.user_id().unwrap_or_default().to_owned());
    app.finish(async move { end(&work, user_id, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a session of a page that the caller opened. The id of any other token is none.
async fn end(app: &App, user_id: String, id: String) -> Result<(), Problem> {
    let pages = ListTokensRequest { kind: TokenKind::Ui.into(), user_id };
    let pages = of_auth(app.upstream.tokens().list_tokens(pages).await)?.tokens;
    if !pages.iter().any(|token| token.id == id) {
        return Ok(());
    }
    let request = DeleteTokenRequest { id: id.clone(), ..Default::default() };
    let ended = of_auth(app.upstream.tokens().delete_token(request).await);
    app.gate.forget();
    app.gate.closed_page(&id);
    match ended {
        Err(problem) if problem.kind() != Kind::NotFound => Err(problem),
        _ => Ok(()),
    }
}
