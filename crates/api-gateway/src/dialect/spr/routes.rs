//! The table of SPR's base API.

mod plugins;

use super::{base, certificate, compose, info, itself, logout, logs, otp, release, setup, tokens, webauthn, ws};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

/// Shapes that several routes answer with.
pub(crate) const SHAPES: &[(&str, &str)] = &[
    ("Plugin", plugins::PLUGIN),
    (
        "Token",
        r#"{"Name": "backup", "Token": "hp_4f2a", "Expire": 0, "ScopedPaths?": ["/plugins/hello:r"], "Id": "3", "Prefix": "hp_4f2a", "Created?": 1753264000, "LastUsed?": 1753264000}"#,
    ),
];

const NO_AUTHORITY: &[(Kind, &str)] = &[(Kind::NotFound, "the certificate comes from elsewhere, or HTTPS is off")];

const GUESSED: &[(Kind, &str)] = &[
    (Kind::Forbidden, "the code is wrong, or was used already"),
    (Kind::TooManyRequests, "five wrong codes within a minute; `Retry-After` says for how long"),
];
const BEGINNINGS: &[(Kind, &str)] = &[
    (Kind::BadRequest, "the page has no name, or there is no passkey for it"),
    (Kind::TooManyRequests, "too many ceremonies or failures; `Retry-After` says for how long"),
];
const CEREMONIES: &[(Kind, &str)] = &[
    (Kind::Forbidden, "the answer proves nothing, or came too late"),
    (Kind::TooManyRequests, "too many ceremonies or failures; `Retry-After` says for how long"),
];
const FIRST_MESSAGE: &str = "The first message, within 10 seconds, is the credential: `token`, `user:password` or `user:password:proof`, \
    the last one for those who want the second factor always. What comes back is `success`, `Authentication failure` or \
    `Invalid JWT OTP`. A token with scopes needs this very path among them.";
const QUESTION: &str = r#"{"Session": "6f1c", "Options": {"<key>": null}}"#;
const PASSKEY: &str =
    r#"{"ID": "aGk", "Name": "telephone", "Site": "nas.example", "Created?": 1753264000, "LastUsed?": 1753264000}"#;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    [base(), of_itself(), plugins::routes()].into_iter().flatten().collect()
}

fn base() -> Vec<Route> {
    vec![
        Route::get("/status", base::status, "That the API is there").answers(Answer::json(r#""Online""#)),
        Route::get("/features", base::features, "What this installation can do, in Homeport's own words")
            .answers(Answer::json(r#"["updates"]"#)),
        Route::get("/time", base::time, "The machine's time, in Unix seconds").answers(Answer::json(r#"{"unix": 1753264000}"#)),
        Route::get("/version", base::version, "The version of Homeport, or of containers")
            .detail("Of a container: its label `org.supernetworks.version` or `org.opencontainers.image.version`. Several `plugin` make it an object, empty where none is known.")
            .query(&[("plugin", "A container's name; may be there several times, 50 at most.")])
            .refuses(&[(Kind::BadRequest, "no version of that one container is known")])
            .answers(Answer::json(r#""0.1.0""#)),
        Route::get("/releasesAvailable", release::available, "The tags of a container's image")
            .query(&[("container", "Its name; needed.")])
            .refuses(&[(Kind::NotFound, "there is no such container"), (Kind::Internal, "the registry refused")])
            .answers(Answer::json(r#"["1.27.0"]"#)),
        Route::get("/info/{name}", info::get, "The machine and what runs on it: `uptime`, `docker`, `dockernetworks`, `hostname`")
            .detail("`docker` and `dockernetworks` are lists with the keys of the engine's own, `hostname` is a text.")
            .refuses(&[(Kind::BadRequest, "it is none of these")])
            .answers(Answer::json("null")),
        Route::get("/dockerPS", compose::ps, "What runs of compose services, as `docker compose ps` prints it")
            .detail("One JSON object a line, the whole as a JSON string.")
            .query(&[("service", "A service's name."), ("compose_file", "A compose file, from where Homeport is installed.")])
            .refuses(&[(Kind::NotFound, "no container is of this service")])
            .answers(Answer::json(r#""{\"Name\":\"web\"}\n""#)),
        Route::get(
            "/cert",
            certificate::root,
            "The certificate that a browser has to trust so that it trusts this machine",
        )
        .open()
        .refuses(NO_AUTHORITY)
        .answers(Answer::Text("application/x-x509-ca-cert", "the certificate, as PEM")),
        Route::get("/cert/authorized", certificate::root, "The same for those who ask with a credential")
            .refuses(NO_AUTHORITY)
            .answers(Answer::Text("application/x-x509-ca-cert", "the certificate, as PEM")),
        Route::get("/tokens", tokens::list, "Every API token, without secrets")
            .second_factor()
            .whole()
            .answers(Answer::json(r##"["#Token"]"##)),
        Route::put("/tokens", tokens::create, "Makes an API token")
            .second_factor()
            .detail("`Expire` is in Unix seconds, 0 is never. The answer is the only one with the whole `Token`.")
            .whole()
            .body(r#"{"Name": "backup", "Expire?": 0, "ScopedPaths?": ["/plugins/hello:r"]}"#)
            .answers(Answer::json(r##""#Token""##)),
        Route::delete("/tokens", tokens::delete, "Deletes an API token")
            .second_factor()
            .detail("By its `Id`, by `Token` (the secret or its first characters), or by `Name`.")
            .whole()
            .body(r#"{"Id?": "3", "Token?": "hp_4f2a", "Name?": "backup"}"#)
            .refuses(&[(Kind::NotFound, "no such token"), (Kind::Conflict, "several tokens match; name one by its Id")])
            .answers(Answer::empty()),
        Route::put("/logout", logout::logout, "Ends the session or the sign-in by passkey that one came with")
            .reads()
            .before_factor()
            .refuses(&[(Kind::BadRequest, "the credential has no session to end")])
            .answers(Answer::empty()),
        Route::get("/otp_status", otp::status, "What one has of a second factor")
            .detail("Administrators may ask about others.")
            .reads()
            .before_factor()
            .query(&[("name", "Name of the user; one's own without it.")])
            .answers(Answer::json(r#"{"State": "registered", "AlwaysOn": false, "Confirmed": true, "Passkeys": 0}"#)),
        Route::put("/otp_register", otp::register, "Makes the secret of a second factor")
            .detail("It counts from its first right code on. One that counts already needs its `Code` to be replaced, and whoever has passkeys alone sends the proof of one as `X-JWT-OTP`.")
            .reads()
            .before_factor()
            .body(r#"{"Name?": "admin", "Code?": "287082"}"#)
            .refuses(GUESSED)
            .answers(Answer::json(
                r#"{"Name": "admin", "Secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "Confirmed": false, "AlwaysOn": false, "Url": "otpauth://totp/…", "QRCode": "<svg …>"}"#,
            )),
        Route::delete("/otp_register", otp::delete, "Takes the second factor away")
            .reads()
            .before_factor()
            .body(r#"{"Name?": "admin", "Code": "287082"}"#)
            .refuses(GUESSED)
            .answers(Answer::empty()),
        Route::put("/otp_validate", otp::validate, "A code for a proof, which is sent as `X-JWT-OTP` from then on")
            .detail("With `UpdateAlwaysOn`, `AlwaysOn` says whether every request needs the proof.")
            .reads()
            .before_factor()
            .body(r#"{"Name?": "admin", "Code": "287082", "UpdateAlwaysOn?": false, "AlwaysOn?": false}"#)
            .refuses(GUESSED)
            .answers(Answer::json(r#""eyJhbGciOi…""#)),
        Route::put("/otp_jwt_test", otp::test, "Whether `X-JWT-OTP` proves the second factor")
            .detail("If not, clients are sent to `/auth/validate` with 302.")
            .reads()
            .before_factor()
            .refuses(&[(Kind::SecondFactor, "it does not, or there is none")])
            .answers(Answer::empty()),
        Route::get("/webauthn/status", webauthn::status, "One's passkeys")
            .reads()
            .before_factor()
            .answers(Answer::json(
                r#"{"Registered": true, "Credentials": [{"ID": "aGk", "Name": "telephone", "Site": "nas.example", "Created?": 1753264000, "LastUsed?": 1753264000}]}"#,
            )),
        Route::put("/webauthn/register", webauthn::begin_registration, "Begins to make a passkey")
            .detail("Two steps within 3 minutes: `Options` goes to `navigator.credentials.create`, what that makes into the second.")
            .second_factor()
            .reads()
            .refuses(BEGINNINGS)
            .answers(Answer::json(QUESTION)),
        Route::post("/webauthn/register", webauthn::finish_registration, "Keeps a passkey")
            .second_factor()
            .reads()
            .body(r#"{"session": "6f1c", "credential": {"<key>": null}, "name?": "telephone"}"#)
            .refuses(CEREMONIES)
            .answers(Answer::json(PASSKEY)),
        Route::delete("/webauthn/credential", webauthn::delete, "Deletes a passkey")
            .second_factor()
            .reads()
            .body(r#"{"ID": "aGk"}"#)
            .refuses(&[(Kind::NotFound, "there is no such passkey")])
            .answers(Answer::empty()),
        Route::put("/webauthn/validate", webauthn::begin_validation, "Begins to show a passkey as second factor")
            .reads()
            .before_factor()
            .refuses(BEGINNINGS)
            .answers(Answer::json(QUESTION)),
        Route::post("/webauthn/validate", webauthn::finish_validation, "A passkey for a proof, as `PUT /otp_validate`")
            .reads()
            .before_factor()
            .body(r#"{"session": "6f1c", "credential": {"<key>": null}}"#)
            .refuses(CEREMONIES)
            .answers(Answer::json(r#""eyJhbGciOi…""#)),
        Route::put("/webauthn/login", webauthn::begin_login, "Begins to sign in with a passkey")
            .open()
            .refuses(BEGINNINGS)
            .answers(Answer::json(QUESTION)),
        Route::post("/webauthn/login", webauthn::finish_login, "Signs in with a passkey, for 30 days")
            .detail("After five failures of an address within a minute it waits for a quarter of an hour.")
            .open()
            .body(r#"{"session": "6f1c", "credential": {"<key>": null}}"#)
            .refuses(CEREMONIES)
            .answers(Answer::json(r#"{"Name": "admin", "Token": "bm90", "Expire": 1753264000}"#)),
        Route::get("/ws", ws::notifications, "What is meant to be shown to a person, as it happens")
            .first_message()
            .detail(FIRST_MESSAGE)
            .query(&[("t", "Topics by their beginnings, separated by commas.")])
            .answers(Answer::Socket("after the credential `success`, then one JSON object an event")),
        Route::get("/ws_events_all", ws::everything, "Every event of the bus, as it happens")
            .first_message()
            .detail(FIRST_MESSAGE)
            .query(&[("t", "Topics by their beginnings, separated by commas.")])
            .answers(Answer::Socket("after the credential `success`, then one JSON object an event")),
    ]
}

/// What Homeport knows of itself, and does with itself.
fn of_itself() -> Vec<Route> {
    const NOT_CONTAINED: (Kind, &str) = (Kind::BadRequest, "Homeport does not run in containers here");
    vec![
        Route::get("/release", release::get, "What runs here, and what is wanted instead")
            .answers(Answer::json(r#"{"CustomChannel": "", "CustomVersion": "", "Current": "0.1.0"}"#)),
        Route::get("/releaseChannels", release::channels, "The channels that Homeport comes in: one")
            .answers(Answer::json(r#"["main"]"#)),
        Route::put("/releaseSet", release::set, "Says which version `PUT /update` goes to")
            .detail("A tag of Homeport's images; empty is the newest.")
            .second_factor()
            .whole()
            .body(r#"{"CustomChannel?": "main", "CustomVersion?": "0.2.0"}"#)
            .refuses(&[(Kind::BadRequest, "there is no such channel, or the version is no tag")])
            .answers(Answer::empty()),
        Route::delete("/releaseSet", release::reset, "The newest version again")
            .second_factor()
            .whole()
            .answers(Answer::empty()),
        Route::put("/update", itself::update, "Updates Homeport, to the version that is set or the newest that was found")
            .detail(
                "Answers at once where there is nothing to do, else when Homeport begins to be replaced, at most ten minutes \
                 later; how it ended is in `/api/history`.",
            )
            .refuses(&[NOT_CONTAINED])
            .answers(Answer::empty()),
        Route::put("/restart", itself::restart, "Restarts all of Homeport's containers")
            .detail("Answers before the first one restarts.")
            .whole()
            .refuses(&[NOT_CONTAINED, (Kind::Conflict, "an operation is under way")])
            .answers(Answer::empty()),
        Route::get("/autoupdate", itself::updates_itself, "Whether Homeport updates itself when a check finds something newer")
            .answers(Answer::json("false")),
        Route::put("/autoupdate", itself::update_by_itself, "Homeport updates itself from now on")
            .detail("Each version once: what was taken back is not tried again.")
            .admin()
            .answers(Answer::empty()),
        Route::delete("/autoupdate", itself::update_when_asked, "Homeport updates itself only when asked")
            .admin()
            .answers(Answer::empty()),
        Route::get("/checkupdates", itself::checks_itself, "Whether checks run at their interval")
            .answers(Answer::json("true")),
        Route::put("/checkupdates", itself::check_by_itself, "Checks run at their interval from now on")
            .admin()
            .answers(Answer::empty()),
        Route::delete("/checkupdates", itself::check_when_asked, "Checks run only when somebody asks for one")
            .admin()
            .answers(Answer::empty()),
        Route::get("/logs", logs::get, "The 2000 newest lines of Homeport's own containers, newest first")
            .detail("With the keys that the journal has for containers; at most 2 MiB of text.")
            .whole()
            .refuses(&[NOT_CONTAINED])
            .answers(Answer::json(
                r#"[{"__REALTIME_TIMESTAMP": "1753264000000000", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "homeport-auth-1", "CONTAINER_NAME": "homeport-auth-1", "CONTAINER_ID": "0123456789ab", "CONTAINER_ID_FULL": "0123456789ab…", "IMAGE_NAME": "homeport/homeport:local", "MESSAGE": "listening"}]"#,
            )),
        Route::get("/setup", setup::get, "Whether the first password has yet to be replaced")
            .open()
            .refuses(&[(Kind::BadRequest, "it is done")])
            .answers(Answer::json(r#"{"status": "ok"}"#)),
        Route::put("/setup", setup::put, "Replaces the first password")
            .detail("Needs that password with this very request, as `Basic`: other than the original, it is open to nobody.")
            .admin()
            .body(r#"{"AdminPassword": "a long one", "CheckUpdates?": true}"#)
            .refuses(&[(Kind::BadRequest, "it is done, or the password is too weak")])
            .answers(Answer::empty()),
        Route::put("/setup_done", setup::done, "Whether the first password was replaced")
            .admin()
            .refuses(&[(Kind::BadRequest, "it has yet to be")])
            .answers(Answer::empty()),
    ]
}
