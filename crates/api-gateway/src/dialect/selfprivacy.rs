//! SelfPrivacy's API, version 1.2, as its application for telephones knows it: devices and the keys that let others in.

mod devices;
mod new_device;
mod parameters;
mod recovery;
mod routes;
mod version;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde_json::json;

pub(crate) use routes::routes;

/// An answer whose text is in `message`. Which ones have it there, and which in `error`, is as clients know it.
fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}

fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Token not found")
}
