//! The table of Homeport's own routes.

use http::StatusCode;

use super::{audit, challenge, docs, events, factors, healthz, metrics, oidc, openapi};
use crate::{
    listener::CHALLENGE,
    problem::Kind,
    route::{Answer, Route},
};

const AUDIT: &str = r#"{"rows": [{"number": 17, "at?": "2026-07-23T09:46:40.123Z", "who": {"kind": "user", "id": "admin", "name": "admin", "user_id": "admin"}, "client_address": "192.0.2.7", "user_agent": "curl/8", "action": "container_stopped", "method": "POST", "path": "/api/containers/web/stop", "target": {"kind": "container", "id": "web", "name": ""}, "outcome": "done", "status": 200, "request_id": "5f0c…", "details?": {"<key>": null}, "hash": "9f86d081…"}], "total": 1}"#;

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        // Says that the process serves and nothing else; whoever checks that has no credential.
        Route::get("/healthz", healthz::get, "That the gateway serves")
            .detail("With `verbose` or a credential every service is listed, and one that does not serve makes it 503.")
            .open()
            .query(&[("verbose", "Lists the services.")])
            .refuses(&[(Kind::Unavailable, "a service does not serve; the body says which")])
            .answers(Answer::json(r#"{"status": "ok", "services?": {"<service>": "serving"}}"#)),
        Route::get("/auth/oidc/login", oidc::login, "Sends the browser to the OpenID provider of the settings")
            .open()
            .refuses(&[(Kind::BadRequest, "no provider is set")])
            .answers(Answer::Nothing(StatusCode::FOUND)),
        Route::get("/auth/oidc/callback", oidc::callback, "Where the provider sends the browser back to")
            .detail("A browser gets a page that hands the session over to the dashboard, a program the session.")
            .open()
            .query(&[
                ("state", "As the provider got it."),
                ("code", "The provider's."),
                ("error", "Why the provider signed nobody in."),
            ])
            .refuses(&[
                (Kind::Unauthorized, "the provider's answer proves nothing, or is for another browser"),
                (Kind::Forbidden, "the provider, or none of its groups, lets one in"),
                (Kind::BadRequest, "no provider is set"),
            ])
            .answers(Answer::json(r#"{"success": true, "token": "eyJhbGciOi…", "username": "anne", "expiresAt?": "2026-07-23T09:46:40Z"}"#)),
        Route::get("/auth/oidc/status", oidc::status, "Whether the OpenID provider of the settings answers")
            .whole()
            .admin()
            .answers(Answer::json(r#"{"configured": true, "issuer": "https://id.example", "redirectUrl": "https://nas.example/auth/oidc/callback", "problem?": "it cannot be reached"}"#)),
        Route::delete("/auth/factors/{name}", factors::reset, "Takes second factor and passkeys away from a user who lost them")
            .second_factor()
            .whole()
            .admin()
            .refuses(&[(Kind::NotFound, "there is no such user")])
            .answers(Answer::empty()),
        // An authority looks here for what it gave us to say; there is something only while it is asked for.
        Route::get(CHALLENGE, challenge::get, "What an authority gave us to say, while it looks")
            .open()
            .refuses(&[(Kind::NotFound, "nothing is being asked for, or not with this token")])
            .answers(Answer::Text("text/plain", "the token's answer")),
        Route::get("/metrics", metrics::get, "Counters, for Prometheus")
            .answers(Answer::Text("text/plain", "the text format of Prometheus")),
        Route::get("/events", events::stream, "Every event of the bus as a stream that goes on where a client stopped")
            .query(&[
                ("t", "Topics by their beginnings, separated by commas."),
                ("last_event_id", "The last number that arrived, as `Last-Event-ID`."),
                ("since", "Begins with what the bus keeps: an age such as `90s`, `10m` or `1d`, or the id that the bus gave the last event seen. All numbers of this stream are the bus's."),
            ])
            .refuses(&[(Kind::BadRequest, "`since` is neither, or has more than 64 topics beside it"), (Kind::Unavailable, "too many streams are open")])
            .answers(Answer::Events("`{\"topic\", \"value\"}` each; one named `dropped` says how many are missing")),
        Route::post("/events", events::publish, "Publishes an event")
            .detail("Topics of Homeport's own services (`auth`, `bus`, `docker`, `service`, `update`) need an administrator's credential without scopes.")
            .body(r#"{"topic": "backup:done", "value": "{\"files\": 12}"}"#)
            .answers(Answer::Nothing(StatusCode::NO_CONTENT)),
        Route::get("/audit", audit::list, "What was done, and who was refused")
            .detail("Every request that changes something, and every refusal; the newest first.")
            .admin()
            .query(&[
                ("user", "Only what this account did."),
                ("action", "Only this, such as `container_stopped`, or `POST /api/update/batch`."),
                ("limit", "50 without it, 1000 at most."),
                ("offset", "How many of the newest to leave out."),
                ("after", "The rows after this number, oldest first."),
                ("wait", "With `after`: seconds to wait for rows that are not there yet, 60 at most."),
            ])
            .answers(Answer::json(AUDIT)),
        Route::get("/audit/verify", audit::verify, "Whether the record is what was written")
            .detail("Each row's hash covers the row and the hash before it. `head` is the newest, to be kept elsewhere.")
            .admin()
            .query(&[("head", "A row that has to be there, as its number, `:`, and its hash: nothing was cut off up to it.")])
            .refuses(&[(Kind::BadRequest, "`head` is no number and hash")])
            .answers(Answer::json(r#"{"intact": true, "rows": 120, "broken_at?": 17, "reason?": "its hash does not match", "head": "9f86d081…", "head_number": 120}"#)),
        Route::get("/openapi.json", openapi::get, "This document")
            .detail("With what plugins say of themselves, below `/plugins/<URI>`.")
            .answers(Answer::json(r#"{"openapi": "3.1.0", "info": {"<key>": null}, "paths": {"<path>": null}, "components": {"<kind>": null}, "tags": [], "servers": [], "security": []}"#)),
        // The page alone, which is the same for everybody; what it shows it fetches with a credential.
        Route::get("/docs", docs::page, "The API to read and to try, as a page")
            .open()
            .answers(Answer::Text("text/html", "the page")),
        Route::get("/docs/{file}", docs::file, "Script and style of the page")
            .open()
            .answers(Answer::Text("text/plain", "a file of the page")),
    ]
}
