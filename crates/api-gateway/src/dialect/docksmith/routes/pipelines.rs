//! Restarts with what depends on a container, labels, and containers that do not run what their file says.

use super::super::{labels, mismatch, restart};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const RESTARTED: &str = r#"{"success": true, "message": "Restarted web successfully", "container_names": ["web"], "operation_id": "0b7e", "dependents_restarted?": ["api"], "dependents_blocked?": ["db"], "errors?": ["db: it is gone"]}"#;
const LABELLED: &str = r#"{"success": true, "container": "web", "operation": "set", "operation_id": "0b7e", "labels_modified": {"<label>": "value"}, "labels_removed?": ["docksmith.ignore"], "compose_file": "/stacks/shop/compose.yaml", "restarted": false, "no_restart": false, "pre_check_ran": false, "message": "Operation started"}"#;
const RESULTS: &str = r#"{"results": [{"container": "web", "success": true, "operation_id?": "0b7e", "error?": "container not found: web"}], "batch_group_id": "5d41"}"#;
const SET: &str = r#"{"container": "web", "labels?": {"<label>": "value"}, "ignore?": true, "allow_latest?": true, "allow_prerelease?": true, "version_pin_major?": true, "version_pin_minor?": true, "version_pin_patch?": true, "tag_regex?": "^v", "version_min?": "1.0", "version_max?": "1.99", "script?": "check.sh", "restart_after?": "db", "no_restart?": false, "force?": false}"#;
const FORCE: &[(&str, &str)] = &[("force", "`true`: no script is asked, and update locks are broken.")];
const REFUSED: (Kind, &str) =
    (Kind::Internal, "it was not restarted, or not in time; the text says why, `data` what was done");
const LOCKED: (Kind, &str) = (Kind::Locked, "the application holds an update lock; the text says which");
const NOT_COMPOSE: (Kind, &str) = (Kind::Internal, "the container is not managed by docker compose");

/// The table.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/restart", restart::body, "Restarts a container and what depends on it, and waits for the end")
            .body(r#"{"container_name": "web", "force?": false}"#)
            .refuses(&[REFUSED, LOCKED])
            .answers(Answer::Envelope(RESTARTED)),
        Route::post("/api/restart/container/{name}", restart::container, "The same, named in the path")
            .query(FORCE)
            .refuses(&[REFUSED, LOCKED])
            .answers(Answer::Envelope(RESTARTED)),
        Route::post("/api/restart/stack/{name}", restart::stack, "Restarts all of a stack that run, in their order")
            .query(FORCE)
            .refuses(&[REFUSED, LOCKED, (Kind::NotFound, "there is no such stack")])
            .answers(Answer::Envelope(RESTARTED)),
        Route::post("/api/restart/start/{name}", restart::start, "Restarts a container without waiting for the end")
            .query(FORCE)
            .answers(Answer::Envelope(
                r#"{"operation_id": "0b7e", "container_name": "web", "force": false, "status": "started"}"#,
            )),
        Route::post("/api/restart/stack/start/{name}", restart::start_stack, "Restarts containers of a stack without waiting")
            .query(FORCE)
            .body(r#"{"containers": ["web", "db"], "force?": false}"#)
            .refuses(&[(Kind::NotFound, "there is no such stack, or one of the containers is not in it")])
            .answers(Answer::Envelope(
                r#"{"operation_id": "0b7e", "stack_name": "shop", "force": false, "status": "started"}"#,
            )),
        Route::post("/api/labels/set", labels::set, "Sets labels in the compose file, and makes the container again with them")
            .detail("A value of `false` for a switch, or an empty one, takes the label away.")
            .body(SET)
            .refuses(&[NOT_COMPOSE])
            .answers(Answer::Envelope(LABELLED)),
        Route::post("/api/labels/remove", labels::remove, "Takes labels away")
            .body(r#"{"container": "web", "label_names?": ["docksmith.ignore"], "labels?": ["docksmith.ignore"], "no_restart?": false, "force?": false}"#)
            .refuses(&[NOT_COMPOSE])
            .answers(Answer::Envelope(LABELLED)),
        Route::post("/api/labels/batch", labels::batch, "Sets labels of several containers; each is answered by itself")
            .body(r#"{"operations": [{"container": "web", "ignore?": true}]}"#)
            .answers(Answer::Envelope(RESULTS)),
        Route::post("/api/labels/rollback", labels::rollback, "Brings back what labels were before finished changes")
            .detail("The id of a single operation is taken for that of a group.")
            .body(r#"{"batch_group_id?": "5d41", "operation_ids?": ["0b7e"], "container_names?": ["web"], "force?": false}"#)
            .answers(Answer::Envelope(RESULTS)),
        Route::post(
            "/api/fix-compose-mismatch/{name}",
            mismatch::fix,
            "Brings a container to the image that its compose file says",
        )
        .detail("Where no registry has that image any more, the file is brought to the one that runs.")
        .query(FORCE)
        .refuses(&[(Kind::Internal, "there is nothing to fix, or no compose file that could say it")])
        .answers(Answer::Envelope(
            r#"{"operation_id": "0b7e", "container_name": "web", "status": "started", "message": "Fixing compose mismatch for web"}"#,
        )),
    ]
}
