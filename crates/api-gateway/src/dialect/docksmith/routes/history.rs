//! What was done, settings, scripts, events.

use super::super::{events, history, operations, policies, scripts, settings};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const OPERATIONS: &[(&str, &str)] = &[
    ("limit", "20 without it, 500 at most."),
    ("cursor", "`next_cursor` of the page before."),
    ("status", "`queued`, `in_progress`, `complete` or `failed`."),
    ("container", "A container's name."),
    (
        "type",
        "`updates`, `single`, `batch`, `rollback`, `start`, `stop`, `restart`, `remove`, `pause`, `unpause`, `kill`.",
    ),
    ("date_from", "Started at this time or later (RFC 3339)."),
    ("date_to", "Started at this time or earlier."),
    ("format", "`array`: the operations alone."),
];

/// The table.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/operations", operations::list, "Finished operations, newest first, a page at a time")
            .query(OPERATIONS)
            .answers(Answer::Envelope(
                r##"{"count": 1, "has_more": false, "operations": ["#Operation"], "next_cursor?": "42"}"##,
            )),
        Route::get("/api/operations/{id}", operations::get, "One operation, whatever its status")
            .answers(Answer::Envelope(r##""#Operation""##)),
        Route::get("/api/operations/group/{id}", operations::group, "The operations that were asked for together")
            .answers(Answer::Envelope(r##"{"batch_group_id": "5d41", "count": 1, "operations": ["#Operation"]}"##)),
        Route::get("/api/history", history::list, "Checks that found something new, and updates; newest first")
            .query(&[("limit", "100 without it, 1000 at most."), ("type", "`check` or `update`.")])
            .answers(Answer::Envelope(
                r#"{"count": 1, "history": [{"timestamp?": "2026-07-23T09:46:40.123Z", "type": "update", "container_name": "web", "status": "success", "image?": "nginx:1.27.0", "current_version?": "1.26.3", "latest_version?": "1.27.0", "from_version?": "1.26.3", "to_version?": "1.27.0", "operation?": "0b7e", "error?": "", "success?": true}]}"#,
            )),
        Route::delete("/api/history/clear", history::clear, "Forgets what ended so many days ago")
            .admin()
            .detail("0 is everything that has ended; what keeps a way back stays.")
            .body(r#"{"older_than_days": 30}"#)
            .answers(Answer::Envelope(r#"{"deleted": 12, "message": "History cleared"}"#)),
        Route::get("/api/settings/{key}", settings::get, "A setting: `history_retention_days`")
            .refuses(&[(Kind::BadRequest, "there is no such setting")])
            .answers(Answer::Envelope(r#"{"key": "history_retention_days", "value": "90"}"#)),
        Route::put("/api/settings/{key}", settings::put, "Changes a setting")
            .admin()
            .body(r#"{"value": "90"}"#)
            .answers(Answer::Envelope(r#"{"key": "history_retention_days", "value": "90"}"#)),
        Route::get("/api/policies", policies::get, "What happens after a failure, and who can be brought back")
            .detail(
                "Whether an old version comes back by itself is said by the label of its container, else by the setting of its \
                 stack, else by the global one, which is on unless it was switched off.",
            )
            .answers(Answer::Envelope(
                r#"{"global_policy": {"id": 1, "entity_type": "global", "auto_rollback_enabled": true, "health_check_required": true, "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z"}, "stack_policies": [{"id": 2, "entity_type": "stack", "entity_id": "media", "auto_rollback_enabled": false, "health_check_required": true, "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z"}], "container_policies": [{"id": 3, "entity_type": "container", "entity_id": "web", "auto_rollback_enabled": false, "health_check_required": true, "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z"}], "containers": {"<container>": {"can_rollback": true, "last_operation_id": "0b7e", "old_version": "1.26.3"}}}"#,
            )),
        Route::get("/api/scripts", scripts::list, "What lies in the directory of scripts")
            .answers(Answer::Envelope(
                r#"{"scripts": [{"name": "check.sh", "path": "/scripts/check.sh", "relative_path": "check.sh", "executable": true, "size": 120, "modified_time?": "2026-07-23T09:46:40Z"}], "count": 1}"#,
            )),
        Route::get("/api/scripts/assigned", scripts::assigned, "Which container has which script")
            .answers(Answer::Envelope(
                r#"{"assignments": [{"container_name": "web", "script_path": "check.sh", "enabled": true, "ignore": false, "allow_latest": false, "assigned_at?": "2026-07-23T09:46:40Z", "assigned_by": "admin", "updated_at?": "2026-07-23T09:46:40Z"}], "count": 1}"#,
            )),
        Route::post("/api/scripts/assign", scripts::assign, "Asks a script before each update of a container")
            .admin()
            .body(r#"{"container_name": "web", "script_path": "check.sh"}"#)
            .answers(Answer::Envelope(
                r#"{"success": true, "container": "web", "script": "check.sh", "message": "Script check.sh assigned successfully to web"}"#,
            )),
        Route::delete("/api/scripts/assign/{container}", scripts::unassign, "Takes an assignment away")
            .admin()
            .answers(Answer::Envelope(
                r#"{"success": true, "container": "web", "message": "Script unassigned successfully from web"}"#,
            )),
        Route::get("/api/events", events::stream, "Progress of updates and checks as it comes")
            .query(&[
                ("last_event_id", "The last number that arrived, as `Last-Event-ID`: what was missed comes first."),
                ("named", "`false`: without names of events."),
            ])
            .answers(Answer::Events("`update.progress`, `container.updated`, `check.progress`, `system.events_dropped`")),
    ]
}
