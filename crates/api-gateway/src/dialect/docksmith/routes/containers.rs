//! One container, or several.

use super::super::{action, inspect, labels, logs, stats};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const DONE: &str = r#"{"container": "web", "status": "stopped", "operation_id": "0b7e", "message": "Container web stopped successfully"}"#;
const REFUSALS: &[(Kind, &str)] = &[
    (Kind::BadRequest, "it is one of Homeport's own containers"),
    (Kind::Conflict, "the container's stack is being worked on"),
    (Kind::Locked, "the application holds an update lock; the text says which"),
    (Kind::Internal, "the engine refused; the text has its words, and the history the operation"),
];
const TIMEOUT: &[(&str, &str)] = &[
    ("timeout", "Seconds to end by itself; 10 without it, 240 at most."),
    ("force", "`true`: update locks of the application are broken."),
];

/// The table.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/containers/{name}/inspect", inspect::get, "A container in detail")
            .detail("Values of the environment that may be secrets are masked.")
            .query(&[("secrets", "`true`: they are not, for an administrator's credential without scopes.")])
            .answers(Answer::Envelope(r##""#ContainerInspect""##)),
        Route::get("/api/containers/{name}/logs", logs::get, "What a container printed")
            .query(&[
                ("tail", "Lines; 100 without it, or `all`."),
                ("since", "RFC 3339 or Unix seconds."),
                ("until", "RFC 3339 or Unix seconds."),
                ("timestamps", "`true`: each line begins with its time."),
                ("follow", "`true`: plain text that goes on as it is printed."),
            ])
            .answers(Answer::Envelope(r#"{"container": "web", "logs": "ready\n", "tail": "100"}"#)),
        Route::get("/api/containers/{name}/stats", stats::get, "What a container uses")
            .detail("The engine's own document stands beside `data`.")
            .answers(Answer::json(
                r#"{"success": true, "data": {"cpu_percent": 0.5, "memory_usage": 1024, "memory_limit": 2048, "memory_percent": 50.1, "network_rx": 10, "network_tx": 20}, "timestamp": "2026-07-23T09:46:40.123Z", "version": "0.1.0", "<key of the engine>": null}"#,
            )),
        Route::get("/api/labels/{name}", labels::get, "The labels of a running container")
            .answers(Answer::Envelope(r#"{"container": "web", "labels": {"<label>": "value"}, "source": "container_labels"}"#)),
        Route::post("/api/containers/{name}/start", action::start, "Starts a container")
            .refuses(REFUSALS)
            .answers(Answer::Envelope(DONE)),
        Route::post("/api/containers/{name}/stop", action::stop, "Stops a container")
            .query(TIMEOUT)
            .refuses(REFUSALS)
            .answers(Answer::Envelope(DONE)),
        Route::post("/api/containers/{name}/restart", action::restart, "Restarts a container")
            .query(TIMEOUT)
            .refuses(REFUSALS)
            .answers(Answer::Envelope(DONE)),
        Route::post("/api/containers/{name}/pause", action::pause, "Freezes a container")
            .refuses(REFUSALS)
            .answers(Answer::Envelope(DONE)),
        Route::post("/api/containers/{name}/unpause", action::unpause, "Lets a frozen container go on")
            .refuses(REFUSALS)
            .answers(Answer::Envelope(DONE)),
        Route::post("/api/containers/{name}/kill", action::kill, "Sends a signal to a container")
            .query(&[("signal", "`SIGKILL` without it.")])
            .refuses(REFUSALS)
            .answers(Answer::Envelope(DONE)),
        Route::delete("/api/containers/{name}", action::remove, "Removes a container")
            .query(&[("force", "`true`: also one that runs; update locks are broken."), ("volumes", "`true`: its anonymous volumes too.")])
            .refuses(REFUSALS)
            .answers(Answer::Envelope(
                r#"{"container": "web", "status": "removed", "operation_id": "0b7e", "message": "Container web removed successfully", "force": false, "volumes": false}"#,
            )),
        Route::post(
            "/api/containers/batch/{action}",
            action::many,
            "`start`, `stop`, `restart` or `remove` for several, in the order of their dependencies",
        )
        .body(r#"{"containers": ["web", "db"], "timeout?": 10, "force?": false, "volumes?": false}"#)
        .answers(Answer::Envelope(
            r#"{"results": [{"container": "web", "success": true, "operation_id?": "0b7e", "error?": "the stack is being worked on"}], "batch_group_id": "5d41"}"#,
        )),
    ]
}
