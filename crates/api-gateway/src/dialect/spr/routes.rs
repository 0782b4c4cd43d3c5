//! The table of SPR's base API.

use super::{base, certificate, tokens, ws};
use crate::route::Route;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/status", base::status),
        Route::get("/version", base::version),
        Route::get("/cert", certificate::root).open(),
        Route::get("/cert/authorized", certificate::root),
        Route::get("/tokens", tokens::list),
        Route::put("/tokens", tokens::create),
        Route::delete("/tokens", tokens::delete),
        // Browsers cannot set headers on a websocket: the credential is the first thing said on it.
        Route::get("/ws", ws::notifications).open(),
        Route::get("/ws_events_all", ws::everything).open(),
    ]
}
