//! What clients ask first: is it there, and what is it.

use axum::Json;

/// `GET /status`.
pub(super) async fn status() -> Json<&'static str> {
    Json("Online")
}

/// `GET /version`.
pub(super) async fn version() -> Json<&'static str> {
    Json(env!("CARGO_PKG_VERSION"))
}
