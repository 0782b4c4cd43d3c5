//! Where a request ends and whom it is for must be seen in one way only, by us and by whatever stands in front of us.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Request, StatusCode, Version, header};

use crate::{
    dialect::Dialect,
    problem::{Problem, render},
};

/// The answer to a request without one `Host`.
pub(super) fn refusal(request: &Request<Body>) -> Option<Response> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let is_lacking = hosts == 0 && request.version() == Version::HTTP_11;
    if hosts <= 1 && !is_lacking {
        return None;
    }
    tracing::info!(hosts, "a malformed request is refused: it has not one Host");
    let problem = Problem::bad_request("a request needs one Host header");
    let mut response = render(problem.into_response(), Dialect::of(request.uri().path()));
    close(&mut response);
    Some(response)
}

/// Whether nothing may follow a request on its connection: of one with both lengths hyper shows only the one that it
/// followed, and a proxy that followed the other one would take the rest for a request of somebody else's.
pub(super) fn is_last(request: &Request<Body>) -> bool {
    request.version() == Version::HTTP_11 && request.headers().contains_key(header::TRANSFER_ENCODING)
}

/// Ends the connection after an answer, unless it goes on in another protocol.
pub(super) fn close(response: &mut Response) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
