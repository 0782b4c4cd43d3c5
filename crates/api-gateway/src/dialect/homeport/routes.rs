//! The table of Homeport's own routes.

use super::{healthz, metrics};
use crate::route::Route;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get("/healthz", healthz::get).open(), Route::get("/metrics", metrics::get)]
}
