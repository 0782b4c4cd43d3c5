//! Problems get the body of the dialect that the client speaks.

use axum::{extract::Request, middleware::Next, response::Response};

use crate::{dialect::Dialect, path::CleanPath, problem};

pub(super) async fn render(request: Request, next: Next) -> Response {
    let dialect = Dialect::of(request.extensions().get::<CleanPath>().map_or("/", CleanPath::as_str));
    problem::render(next.run(request).await, dialect)
}
