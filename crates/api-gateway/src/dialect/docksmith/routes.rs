//! The table of the Docksmith API.

use super::{check, docker_config, events, explain, health, operations, plan, registry, rollback, status, update};
use crate::route::Route;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/health", health::get),
        Route::get("/api/status", status::get),
        Route::get("/api/check", check::run).acts(),
        Route::post("/api/check", check::run),
        Route::post("/api/trigger-check", check::trigger),
        Route::get("/api/container/{name}/recheck", check::container).acts(),
        Route::post("/api/explain", explain::explain),
        Route::get("/api/registry/tags/{*image}", registry::tags),
        Route::post("/api/plan", plan::make),
        Route::post("/api/update", update::one),
        Route::post("/api/update/batch", update::batch),
        Route::post("/api/rollback", rollback::start),
        Route::get("/api/operations", operations::list),
        Route::get("/api/operations/{id}", operations::get),
        Route::get("/api/operations/group/{id}", operations::group),
        Route::get("/api/events", events::stream),
        Route::get("/api/docker-config", docker_config::get),
    ]
}
