//! The table of Homeport's own routes.

use super::{events, healthz, metrics};
use crate::route::Route;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        // Says that the process serves and nothing else; whoever checks that has no credential.
        Route::get("/healthz", healthz::get).open(),
        Route::get("/metrics", metrics::get),
        Route::get("/events", events::stream),
        Route::post("/events", events::publish),
    ]
}
