//! Restarts with dependents, labels, scripts, mismatches.

use serde_json::{Value, json};

use crate::double::Double;

fn operation(kind: &str, name: &str, error: &str) -> Value {
    json!({
        "operation_id": "op-1", "container_name": name, "operation_type": kind, "status": "complete", "old_version": "1",
        "new_version": "2", "rollback_occurred": false, "error_message": error,
    })
}

#[test]
fn a_stack_is_restarted_and_waited_for() {
    let items = json!({ "containers": [
        { "name": "web", "stack": "site", "state": "running" }, { "name": "old", "stack": "site", "state": "exited" },
        { "name": "lone", "state": "running" },
    ] });
    let double = Double::start()
        .data("GET /api/explorer", [items])
        .data("POST /api/restart/stack/start/site", [json!({ "operation_id": "op-1" })])
        .data("POST /api/restart/start/web", [json!({ "operation_id": "op-1" })])
        .data("GET /api/operations/op-1", [operation("restart", "site", "Blocked dependents: db")]);
    double.run("restart --stack site").check(0, "site: restarted: Blocked dependents: db\n");
    let asked = &double.asked("POST /api/restart/stack/start/site")[0];
    assert_eq!((&asked.body, asked.line.ends_with("?force=false")), (&json!({ "containers": ["web"] }), true));
    double.run("restart web --dependents --force --no-wait").check(0, "web: restart began, operation op-1\n");
    assert!(double.asked("POST /api/restart/start/web")[0].line.ends_with("?force=true"));
}

#[test]
fn s10_7_labels_are_set_and_taken_back() {
    let result = json!({ "results": [{ "container": "web", "success": true, "operation_id": "op-1" }] });
    let double = Double::start()
        .data("POST /api/labels/set", [json!({ "operation_id": "op-1" })])
        .data("POST /api/labels/rollback", [result])
        .data("GET /api/operations/op-1", [operation("label_change", "web", "")]);
    double.run("labels web docksmith.ignore=true --remove docksmith.script").check(0, "web: labels changed\n");
    let labels = json!({ "docksmith.ignore": "true", "docksmith.script": "" });
    let expected = json!({ "container": "web", "labels": labels, "no_restart": false, "force": false });
    assert_eq!(double.asked("POST /api/labels/set")[0].body, expected);
    double.run("labels web --undo op-0").check(0, "web: labels changed\n");
    let expected = json!({ "operation_ids": ["op-0"], "container_names": ["web"], "force": false });
    assert_eq!(double.asked("POST /api/labels/rollback")[0].body, expected);
    let wrong = double.run("labels web docksmith.ignore");
    assert_eq!((wrong.code, wrong.err.as_str()), (1, "homeport: \"docksmith.ignore\" is no LABEL=VALUE\n"));
}

#[test]
fn a_mismatch_is_fixed_and_scripts_are_assigned() {
    let double = Double::start()
        .data("POST /api/fix-compose-mismatch/web", [json!({ "operation_id": "op-1" })])
        .data("GET /api/operations/op-1", [operation("fix_mismatch", "web", "")])
        .data("POST /api/scripts/assign", [json!({ "message": "Script a.sh assigned successfully to web" })])
        .data("DELETE /api/scripts/assign/web", [json!({ "message": "Script unassigned successfully from web" })])
        .data("GET /api/scripts", [json!({ "scripts": [{ "relative_path": "a.sh", "executable": true }] })])
        .data("GET /api/scripts/assigned", [json!({ "assignments": [] })]);
    double.run("fix-mismatch web").check(0, "web: brought together with its file, 1 → 2\n");
    double.run("scripts assign web a.sh").check(0, "Script a.sh assigned successfully to web\n");
    double.run("scripts unassign web").check(0, "Script unassigned successfully from web\n");
    let listed = double.run("scripts");
    assert!(listed.code == 0 && listed.out.contains("a.sh"), "{listed:?}");
}
