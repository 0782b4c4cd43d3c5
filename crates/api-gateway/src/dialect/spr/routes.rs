//! The table of SPR's base API.

mod plugins;

use super::{base, certificate, compose, info, logout, release, tokens, ws};
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

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    [base(), plugins::routes()].into_iter().flatten().collect()
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
        Route::get("/release", release::get, "What runs here")
            .answers(Answer::json(r#"{"CustomChannel": "", "CustomVersion": "", "Current": "0.1.0"}"#)),
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
            .whole()
            .answers(Answer::json(r##"["#Token"]"##)),
        Route::put("/tokens", tokens::create, "Makes an API token")
            .detail("`Expire` is in Unix seconds, 0 is never. The answer is the only one with the whole `Token`.")
            .whole()
            .body(r#"{"Name": "backup", "Expire?": 0, "ScopedPaths?": ["/plugins/hello:r"]}"#)
            .answers(Answer::json(r##""#Token""##)),
        Route::delete("/tokens", tokens::delete, "Deletes an API token")
            .detail("By its `Id`, by `Token` (the secret or its first characters), or by `Name`.")
            .whole()
            .body(r#"{"Id?": "3", "Token?": "hp_4f2a", "Name?": "backup"}"#)
            .refuses(&[(Kind::NotFound, "no such token"), (Kind::Conflict, "several tokens match; name one by its Id")])
            .answers(Answer::empty()),
        Route::put("/logout", logout::logout, "Ends the session of the token that is sent")
            .reads()
            .refuses(&[(Kind::BadRequest, "the credential has no session to end")])
            .answers(Answer::empty()),
        Route::get("/ws", ws::notifications, "What is meant to be shown to a person, as it happens")
            .first_message()
            .query(&[("t", "Topics by their beginnings, separated by commas.")])
            .answers(Answer::Socket("after the credential `success`, then one JSON object an event")),
        Route::get("/ws_events_all", ws::everything, "Every event of the bus, as it happens")
            .first_message()
            .query(&[("t", "Topics by their beginnings, separated by commas.")])
            .answers(Answer::Socket("after the credential `success`, then one JSON object an event")),
    ]
}
