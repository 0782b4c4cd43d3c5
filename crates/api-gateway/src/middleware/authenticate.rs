//! Nobody passes without a credential that auth finds good for the very request, save where a route is open.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{Method, request::Parts};

use super::{ClientAddress, Layers};
use crate::{gate::Caller, path::CleanPath, problem::Problem};

pub(super) async fn authenticate(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    if layers.traits.is_open(request.method(), request.extensions().get::<MatchedPath>()) {
        return next.run(request).await;
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
        Err(problem) => problem.into_response(),
    }
}

async fn admit(layers: &Layers, request: &Parts) -> Result<Caller, Problem> {
    let extensions = &request.extensions;
    let path = extensions.get::<CleanPath>().map_or("/", CleanPath::as_str);
    let client = extensions
        .get::<ClientAddress>()
        .map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |ClientAddress(address)| address.ip());
    // Whoever may read something may also ask for its headers alone.
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let verb = layers.traits.verb(&request.method, extensions.get::<MatchedPath>());
    layers.app.gate.admit(&layers.app.upstream, &request.headers, method, path, client, verb).await
}
