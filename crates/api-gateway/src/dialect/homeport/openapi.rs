//! `GET /openapi.json`: every route, and those of plugins that describe theirs.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use serde_json::Value;

use crate::{app::App, openapi};

/// The part that is the same as long as the process runs.
static OWN: LazyLock<Value> = LazyLock::new(openapi::document);

/// Asks the plugins anew each time; a document of yesterday's plugin would be wrong.
pub(super) async fn get(State(app): State<Arc<App>>) -> axum::Json<Value> {
    let mut document = OWN.clone();
    openapi::plugin::merge_all(&app.plugins, &mut document).await;
    axum::Json(document)
}
