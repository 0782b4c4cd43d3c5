//! Checks, plans, updates, rollbacks.

use super::super::{check, docker_config, explain, health, plan, registry, rollback, status, update};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const FIELDS: (&str, &str) = ("fields", "`summary`: counters and times alone.");
const MOVED: (Kind, &str) =
    (Kind::Conflict, "it would be another plan than that of `plan_hash`; the text says what differs");
const FULL: (Kind, &str) = (Kind::Unavailable, "a service is away, or too much waits already; `Retry-After`");
const GONE: (Kind, &str) = (Kind::NotFound, "there is no such operation");

/// The table.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/health", health::get, "Whether the engine and the store are there")
            .detail("200 also when they are not: look at `status`.")
            .answers(Answer::json(
                r#"{"success": true, "status": "ok", "data": {"status": "healthy", "services": {"docker": true, "storage": true}}, "timestamp": "2026-07-23T09:46:40.123Z", "version": "0.1.0"}"#,
            )),
        Route::get("/api/status", status::get, "What the last check found, at once")
            .detail("Carries an `ETag`; whoever has the newest already (`If-None-Match`) is answered 304.")
            .query(&[FIELDS])
            .answers(Answer::Envelope(r##""#Discovery""##)),
        Route::get("/api/check", check::run, "Asks the registries anew, and waits a moment for the end")
            .acts()
            .query(&[("wait", "How long, as `30s`; 3 s without it, 110 s at most."), FIELDS])
            .answers(Answer::Envelope(r##""#Discovery""##)),
        Route::post("/api/check", check::run, "Asks the registries anew, and waits a moment for the end")
            .query(&[("wait", "How long, as `30s`; 3 s without it, 110 s at most."), FIELDS])
            .answers(Answer::Envelope(r##""#Discovery""##)),
        Route::post("/api/trigger-check", check::trigger, "Starts a check that may use what is remembered")
            .answers(Answer::Envelope(r#"{"message": "Background check triggered"}"#)),
        Route::get("/api/container/{name}/recheck", check::container, "Checks one container, now")
            .acts()
            .answers(Answer::Envelope(r##""#ContainerInfo""##)),
        Route::post("/api/explain", explain::explain, "What is offered, and of every other tag why not")
            .reads()
            .detail("Of a container by its name, or of an image with tags and labels that are given.")
            .body(r#"{"container?": "web", "image?": "nginx:1.26", "tags?": ["1.27.0", "1.26.3@sha256:0f3c"], "labels?": {"<label>": "value"}}"#)
            .answers(Answer::Envelope(
                r#"{"container?": "web", "image": "nginx:1.26", "status": "UPDATE_AVAILABLE", "current": "1.26", "current_version": "1.26.2", "latest": "1.27", "latest_resolved_version": "1.27.0", "recommended_tag": "1.27", "change": "minor", "change_type": 2, "error": "", "note": "", "candidates": [{"tag": "1.27-alpine", "verdict": "variant", "reason": "another variant than the one that runs"}], "truncated": false}"#,
            )),
        Route::get("/api/registry/tags/{*image}", registry::tags, "The tags of a repository")
            .refuses(&[(Kind::Internal, "the registry refused, or there is no such image; the text has its words")])
            .answers(Answer::Envelope(
                r#"{"image_ref": "library/nginx", "tags": ["1.27.0", "1.26.3"], "count": 2, "truncated": false}"#,
            )),
        Route::get("/api/docker-config", docker_config::get, "The registries with credentials, never the credentials")
            .answers(Answer::Envelope(
                r#"{"registries": ["Docker Hub (index.docker.io)"], "config_path": "config.json", "running_in_docker": false}"#,
            )),
        Route::post("/api/plan", plan::one, "What an update would do; nothing is done")
            .reads()
            .body(
                r#"{"container_name": "web", "target_version?": "1.27.0", "force?": false, "script?": "check.sh", "rehearse?": false}"#,
            )
            .answers(Answer::Envelope(
                r#"{"container_name": "web", "text": "pull nginx:1.27.0", "plan": null, "hash": "9f86d081", "outlook": null}"#,
            )),
        Route::post("/api/plan/batch", plan::batch, "What updates of many containers would do; nothing is done")
            .reads()
            .detail(
                "Each by itself, all from one look at the engine. An element may also be a name alone; what it does not say is as it is said for all. One that cannot be updated has an `error` instead of a plan. At most 1000.",
            )
            .body(
                r#"{"containers": [{"name": "web", "target_version?": "1.27.0", "force?": false, "rehearse?": false}], "target_version?": "1.27.0", "force?": false, "script?": "check.sh", "rehearse?": false}"#,
            )
            .answers(Answer::Envelope(
                r#"{"plans": [{"container_name": "web", "text?": "pull nginx:1.27.0", "plan?": null, "hash?": "9f86d081", "outlook?": null, "error?": "no target version specified and none is recommended"}]}"#,
            )),
        Route::post("/api/update", update::one, "Starts an update of one container")
            .detail(
                "While its stack is being worked on it waits. `plan_hash` makes it an update of exactly the plan that was shown; another one is refused.",
            )
            .body(
                r#"{"container_name": "web", "target_version?": "1.27.0", "force?": false, "script?": "check.sh", "plan_hash?": "9f86d081", "rehearse?": false}"#,
            )
            .refuses(&[MOVED, FULL])
            .answers(Answer::Envelope(
                r#"{"operation_id": "0b7e", "container_name": "web", "container": "web", "target_version": "1.27.0", "status": "started"}"#,
            )),
        Route::post("/api/update/batch", update::batch, "Starts updates of many containers, one operation a stack")
            .detail("An element may also be a name alone. At most 1000.")
            .body(r#"{"containers": [{"name": "web", "target_version?": "1.27.0", "force?": false, "stack?": "shop", "change_type?": 2, "plan_hash?": "9f86d081", "rehearse?": false}]}"#)
            .answers(Answer::Envelope(
                r#"{"operations": [{"stack": "shop", "containers": ["web"], "status": "started", "operation_id?": "0b7e", "error?": "the stack is being worked on"}], "batch_group_id": "5d41", "status": "started"}"#,
            )),
        Route::post("/api/rollback", rollback::start, "Back to what was before an operation, data included")
            .body(r#"{"operation_id": "0b7e", "force?": false}"#)
            .refuses(&[GONE, FULL])
            .answers(Answer::Envelope(
                r#"{"operation_id": "77de", "original_operation_id": "0b7e", "message": "Rollback initiated"}"#,
            )),
        Route::post("/api/rollback/containers", rollback::containers, "The same for some of an operation's containers")
            .body(r#"{"operation_id": "0b7e", "container_names": ["web"], "force?": false}"#)
            .refuses(&[GONE, FULL])
            .answers(Answer::Envelope(r#"{"operation_id": "77de", "message": "Per-container rollback initiated"}"#)),
    ]
}
