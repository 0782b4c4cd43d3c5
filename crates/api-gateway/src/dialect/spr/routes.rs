//! The table of SPR's base API.

use super::{base, tokens};
use crate::route::Route;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/status", base::status),
        Route::get("/version", base::version),
        Route::get("/tokens", tokens::list),
        Route::put("/tokens", tokens::create),
        Route::delete("/tokens", tokens::delete),
    ]
}
