//! `GET /docs`: the API as a page, from this process alone. Its sources are a few kilobytes, so that they are embedded as
//! they are.

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};

use crate::problem::Problem;

const PAGE: &str = include_str!("../../../docs/index.html");
const SCRIPT: &str = include_str!("../../../docs/app.js");
const STYLE: &str = include_str!("../../../docs/style.css");

/// The page. It holds no data: that comes from `/openapi.json`, with the reader's credential.
pub(super) async fn page() -> Response {
    embedded("text/html; charset=utf-8", PAGE)
}

/// What the page refers to.
pub(super) async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    match file.as_str() {
        "app.js" => Ok(embedded("text/javascript; charset=utf-8", SCRIPT)),
        "style.css" => Ok(embedded("text/css; charset=utf-8", STYLE)),
        _ => Err(Problem::not_found("404 page not found")),
    }
}

fn embedded(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        // The same as long as the version is; but that changes without the address.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
        ),
    ];
    (headers, text).into_response()
}
