//! The table of SelfPrivacy's API.

use super::{devices, new_device, recovery, version};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const LOCKED_OUT: (Kind, &str) =
    (Kind::TooManyRequests, "five failures within a minute; `Retry-After` says for how long");

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/version", version::get, "The version of SelfPrivacy's API that is served")
            .open()
            .answers(Answer::json(r#"{"version": "1.2.7"}"#)),
        Route::get("/auth/tokens", devices::list, "The devices that may come in")
            .whole()
            .admin()
            .answers(Answer::json(r#"[{"name": "Pixel_6a", "date?": "2026-07-23T09:46:40Z", "is_caller": true}]"#)),
        Route::delete("/auth/tokens", devices::delete, "Takes a device's way in away")
            .detail("`token` is read for `token_name`, too. Parameters may be in a JSON object, a form or the query. A person shows the second factor.")
            .whole()
            .admin()
            .body(r#"{"token_name": "Pixel_6a"}"#)
            .refuses(&[(Kind::NotFound, "no such device"), (Kind::BadRequest, "the calling device itself")])
            .answers(Answer::json(r#"{"message": "Token deleted"}"#)),
        Route::post("/auth/tokens", devices::refresh, "Gives the calling device another token")
            .reads()
            .detail("The one before is dead at once; name and date stay.")
            .refuses(&[(Kind::NotFound, "the caller is no device")])
            .answers(Answer::json(r#"{"token": "bm90IGEgcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXM"}"#)),
        Route::post("/auth/new_device", new_device::issue, "Twelve words that let in one more device")
            .detail("They are good for 10 minutes and once; another twelve replace them. A person shows the second factor.")
            .whole()
            .admin()
            .answers(Answer::json(r#"{"token": "legal winner thank year wave sausage worth useful legal winner thank yellow"}"#)),
        Route::delete("/auth/new_device", new_device::cancel, "Forgets those words")
            .whole()
            .admin()
            .answers(Answer::json(r#"{"token": null}"#)),
        Route::post("/auth/new_device/authorize", new_device::authorize, "Lets in a device with the twelve words")
            .open()
            .body(r#"{"token": "legal winner thank year wave sausage worth useful legal winner thank yellow", "device": "Pixel 6a"}"#)
            .refuses(&[(Kind::NotFound, "not these words, or not any more"), LOCKED_OUT])
            .answers(Answer::json(r#"{"message": "Device authorized", "token": "bm90IGEgcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXM"}"#)),
        Route::get("/auth/recovery_token", recovery::get, "What is known of the words for the drawer")
            .whole()
            .admin()
            .answers(Answer::json(
                r#"{"exists": true, "valid": true, "date?": "2026-07-23T09:46:40Z", "expiration?": "2027-07-23T09:46:40Z", "uses_left?": 3}"#,
            )),
        Route::post("/auth/recovery_token", recovery::issue, "Eighteen words for the drawer, in place of those before")
            .detail("Without `expiration` they are good for ever, without `uses` as often as one likes. A person shows the second factor.")
            .whole()
            .admin()
            .body(r#"{"expiration?": "2099-07-23T09:46:40.000Z", "uses?": 3}"#)
            .answers(Answer::json(r#"{"token": "legal winner thank year …"}"#)),
        Route::post("/auth/recovery_token/use", recovery::redeem, "Lets in a device with the words from the drawer")
            .open()
            .body(r#"{"token": "legal winner thank year …", "device": "Pixel 6a"}"#)
            .refuses(&[(Kind::NotFound, "not these words, or not any more"), LOCKED_OUT])
            .answers(Answer::json(r#"{"token": "bm90IGEgcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXM"}"#)),
    ]
}
