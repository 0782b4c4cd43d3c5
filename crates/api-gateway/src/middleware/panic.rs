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
    // Nothing of the request is used after a panic, so nothing half changed is seen.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            tracing::error!(panic = text, "a handler panicked");
            Problem::new(Kind::Internal, "an internal error; the log has the details").into_response()
        }
    }
}
