//! The table of the HomelabARR API.

use super::{account, login, logout};
use crate::route::Route;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/login", login::login).open(),
        Route::post("/auth/logout", logout::logout),
        Route::get("/auth/me", account::me),
        Route::post("/auth/change-password", account::change_password),
        // The same, where the original's own web server has them.
        Route::post("/api/auth/login", login::login).open(),
        Route::post("/api/auth/logout", logout::logout),
        Route::get("/api/auth/me", account::me),
        Route::post("/api/auth/change-password", account::change_password),
    ]
}
