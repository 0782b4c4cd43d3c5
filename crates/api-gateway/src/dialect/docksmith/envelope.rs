//! The wrapping of every answer: `success`, `data` or `error`, `timestamp`, `version`.

use axum::response::{IntoResponse, Response};
use homeport_service::clock::{Clock as _, SystemClock};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::view;

/// A successful answer.
#[derive(Debug)]
pub(super) struct Envelope<T>(pub(super) T);

#[derive(Serialize)]
struct Wrapped<'a, T> {
    success: bool,
    data: &'a T,
    timestamp: String,
    version: &'static str,
}

impl<T: Serialize> IntoResponse for Envelope<T> {
    fn into_response(self) -> Response {
        json_response(&wrapped(&self.0))
    }
}

fn wrapped<T>(data: &T) -> Wrapped<'_, T> {
    Wrapped { success: true, data, timestamp: now(), version: env!("CARGO_PKG_VERSION") }
}

/// The text of a successful answer, and nothing else.
pub(super) fn text<T: Serialize>(data: &T) -> serde_json::Result<String> {
    serde_json::to_string(&wrapped(data))
}

/// The keys of a successful answer, for one that has others beside them.
pub(super) fn success(data: &Value) -> Map<String, Value> {
    let wrapped = json!({ "success": true, "data": data, "timestamp": now(), "version": env!("CARGO_PKG_VERSION") });
    match wrapped {
        Value::Object(keys) => keys,
        _ => Map::new(),
    }
}

/// The body of an answer that is none. `error` is a text because clients call string methods on it; `data` is what was
/// done all the same.
pub(crate) fn failure(message: &str, code: &str, data: Option<&Value>) -> Value {
    let mut body = json!({
        "success": false,
        "error": message,
        "error_code": code,
        "error_detail": { "message": message, "code": code },
        "timestamp": now(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(data) = data {
        body["data"] = data.clone();
    }
    body
}

/// A value as JSON.
pub(crate) fn json_response(value: &impl Serialize) -> Response {
    axum::Json(value).into_response()
}

/// A text that is JSON.
pub(super) fn json_text(text: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

fn now() -> String {
    view::text(SystemClock.now())
}
