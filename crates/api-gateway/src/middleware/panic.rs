//! A bug in one handler is one failed request.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;

use crate::problem::{Kind, Problem};

pub(super) async fn catch(request: Request, next: Next) -> Response {
    guard(next.run(request)).await
}

/// Turns a panic into an answer.
pub(crate) async fn guard(answer: impl Future<Output = Response>) -> Response {
    // Nothing of the request is used after a panic, so nothing half changed is seen.
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            tracing::error!(panic = text, "a handler panicked");
            Problem::new(Kind::Internal, "an internal error; the log has the details").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    async fn bug() -> &'static str {
        panic!("a bug")
    }

    #[tokio::test]
    async fn a_panic_is_a_500_without_its_text() {
        let router = Router::new().route("/", get(bug)).layer(from_fn(catch));
        let mut response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let problem = response.extensions_mut().remove::<Problem>().unwrap();
        assert_eq!(problem, Problem::new(Kind::Internal, "an internal error; the log has the details"));
    }
}
