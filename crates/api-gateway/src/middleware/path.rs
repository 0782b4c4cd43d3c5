//! The path that is decided upon is the path that is served.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    dialect::Dialect,
    path::{CleanPath, encode},
    problem::{Problem, render},
};

/// Reads the path for all that follows.
pub(super) async fn parse(mut request: Request, next: Next) -> Response {
    match CleanPath::parse(request.uri().path()) {
        Some(path) => {
            request.extensions_mut().insert(path);
            next.run(request).await
        }
        None => render(unreadable().into_response(), Dialect::of(request.uri().path())),
    }
}

/// The answer to a path that is no text.
pub(crate) fn unreadable() -> Problem {
    Problem::bad_request(
        "the path does not begin with a slash, or holds control characters or escapes that mean nothing",
    )
}

/// Sends whoever asked for an unclean path to the clean one, which is also the one that was authorised.
pub(super) async fn redirect(request: Request, next: Next) -> Response {
    match request.extensions().get::<CleanPath>() {
        Some(path) if !path.was_clean() => moved(path.as_str(), request.uri().query()),
        _ => next.run(request).await,
    }
}

/// 301 to a decoded path, with the query as it came.
pub(crate) fn moved(path: &str, query: Option<&str>) -> Response {
    let mut location = encode(path);
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response(),
        Err(_) => Problem::bad_request("the address cannot be written as a header").into_response(),
    }
}
