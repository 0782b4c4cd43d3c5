//! `GET /api/version`: what the application may count on.

use axum::Json;
use serde_json::{Value, json};

/// The version of the API that is served here. Below it the application hides what it could do; from 2.0 on it expects
/// another API.
pub(super) async fn get() -> Json<Value> {
    Json(json!({ "version": "1.2.7" }))
}
