//! The table of the device supervisor's API, and of the keys for it.

use super::keys;
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const KEY: &str = r#"{"project?": "web", "key?": "5f0c…", "prefix": "5f0c1a2b", "withdrawn": ["device:power"], "created?": "2026-07-23T09:46:40Z", "last_used?": "2026-07-23T09:46:40Z"}"#;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/regenerate-api-key", keys::regenerate, "Replaces the key of the call")
            .detail(
                "The key is in the query as `apikey`, or in the header as `ApiKey` or `Bearer`. It is dead at once; of two \
                 calls at the same time one gets a key.",
            )
            .reads()
            .answers(Answer::Text("text/plain; charset=utf-8", "the new key")),
        Route::get("/auth/supervisor_keys", keys::list, "The keys of the device supervisor's API")
            .whole()
            .admin()
            .answers(Answer::json(r#"[{"project?": "web", "prefix": "5f0c1a2b", "withdrawn": ["device:power"], "created?": "2026-07-23T09:46:40Z", "last_used?": "2026-07-23T09:46:40Z"}]"#)),
        Route::put("/auth/supervisor_keys", keys::create, "Makes such a key, in place of the one before")
            .second_factor()
            .detail("Without `project` it is the device's own, which covers everything.")
            .whole()
            .admin()
            .body(r#"{"project?": "web"}"#)
            .answers(Answer::json(KEY)),
        Route::put("/auth/supervisor_keys/withdrawn", keys::withdraw, "Takes away from a project what concerns the device")
            .second_factor()
            .detail(
                "Of `device:power` (reboot, shutdown), `device:update` and `device:network`; an empty list gives all of it back. \
                 The key stays the same.",
            )
            .whole()
            .admin()
            .body(r#"{"project": "web", "withdrawn": ["device:power"]}"#)
            .refuses(&[
                (Kind::BadRequest, "there is no such verb, or it names no project"),
                (Kind::NotFound, "there is no such key"),
            ])
            .answers(Answer::json(KEY)),
        Route::delete("/auth/supervisor_keys", keys::delete, "Deletes such a key")
            .second_factor()
            .whole()
            .admin()
            .body(r#"{"project?": "web"}"#)
            .refuses(&[(Kind::NotFound, "there is no such key")])
            .answers(Answer::empty()),
    ]
}
