//! Nobody passes without a credential that auth finds good for the very request, save where a route is open, or where no
//! route is and the administrator has a page.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use homeport_proto::auth::v1::{FactorNeed, Verb, Way};
use http::{Method, request::Parts};

use super::{ClientAddress, Layers};
use crate::{
    app::App,
    dialect::Dialect,
    gate::{Caller, Wish, second_factor},
    page,
    path::CleanPath,
    plugin,
    problem::{Kind, Problem},
};

pub(super) async fn authenticate(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    if layers.traits.is_open(request.method(), request.extensions().get::<MatchedPath>()) {
        return next.run(request).await;
    }
    if let Some(page) = &layers.page
        && let Some(asked) = page::Asked::of(&request)
        && let Some(response) = page.answer(asked).await
    {
        return response;
    }
    let (mut parts, body) = request.into_parts();
    match admit(&layers, &parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller.clone());
            let mut response = next.run(Request::from_parts(parts, body)).await;
            // For the access log.
            response.extensions_mut().insert(caller);
            response
        }
        Err(problem) => plugin::session::refusal(&parts.headers, problem),
    }
}

async fn admit(layers: &Layers, request: &Parts) -> Result<Caller, Problem> {
    let path = request.extensions.get::<CleanPath>().map_or("/", CleanPath::as_str);
    let matched = request.extensions.get::<MatchedPath>();
    let (verb, need) =
        (layers.traits.verb(&request.method, matched), layers.traits.factor_need(&request.method, matched));
    admit_to(&layers.app, request, path, verb, need).await
}

/// Decides about a request as if it were for this path.
pub(crate) async fn admit_to(
    app: &App,
    request: &Parts,
    path: &str,
    verb: Verb,
    need: FactorNeed,
) -> Result<Caller, Problem> {
    let client = request.extensions.get::<ClientAddress>().copied().unwrap_or(ClientAddress::UNKNOWN);
    let dialect = Dialect::of(path);
    let nearby = || app.loopback.as_ref().and_then(|loopback| loopback.credential(dialect, request));
    let credential = dialect.credential(request).or_else(nearby);
    let credential = credential.ok_or_else(|| Problem::new(Kind::Unauthorized, dialect.missing()))?;
    // Whoever may read something may also ask for its headers alone.
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let (second_factor, way) = (second_factor(&request.headers), Way::Unspecified);
    let wish = Wish { method, path, client, verb, need, second_factor, way };
    app.gate.admit(&app.upstream, credential, wish).await.map_err(|problem| match (problem.kind(), dialect.unknown()) {
        (Kind::Unauthorized, Some(text)) => problem.with_message(text),
        _ => problem,
    })
}
