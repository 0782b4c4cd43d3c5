//! The table of Homeport's own routes.

use super::{challenge, events, healthz, metrics};
use crate::{listener::CHALLENGE, route::Route};

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        // Says that the process serves and nothing else; whoever checks that has no credential.
        Route::get("/healthz", healthz::get).open(),
        // An authority looks here for what it gave us to say; there is something only while it is asked for.
        Route::get(CHALLENGE, challenge::get).open(),
        Route::get("/metrics", metrics::get),
        Route::get("/events", events::stream),
        Route::post("/events", events::publish),
    ]
}
