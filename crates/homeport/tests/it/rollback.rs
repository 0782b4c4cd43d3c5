//! Rollbacks: which update is meant, and how it ends.

use serde_json::{Value, json};

use crate::double::Double;

const NEWEST: &str = "11111111-7f0e-4c39-8a9d-0a0e3a2f4c11";
const OLDER: &str = "22222222-7f0e-4c39-8a9d-0a0e3a2f4c11";

fn operation(id: &str, status: &str, rolled_back: bool) -> Value {
    json!({
        "operation_id": id, "container_name": "web", "operation_type": "single", "status": status,
        "old_version": "1.22.1", "new_version": "1.26.3", "rollback_occurred": rolled_back,
    })
}

fn server(operations: &[Value]) -> Double {
    let mut undone = operation("op-9", "complete", false);
    undone["operation_type"] = "rollback".into();
    undone["old_version"] = "1.26.3".into();
    undone["new_version"] = "1.22.1".into();
    Double::start()
        .data("GET /api/operations", [json!({ "operations": operations })])
        .data("POST /api/rollback", [json!({ "operation_id": "op-9" })])
        .data("GET /api/operations/op-9", [undone])
}

#[track_caller]
fn check(double: &Double, line: &str, undone: &str) {
    double.run(line).check(0, "web: rolled back, 1.26.3 → 1.22.1\n");
    let asked = double.asked("POST /api/rollback");
    assert_eq!(asked.last().unwrap().body, json!({ "operation_id": undone, "force": false }), "{line}");
}

#[test]
fn by_container_by_id_and_by_its_beginning() {
    let double = server(&[
        operation("33333333-7f0e-4c39-8a9d-0a0e3a2f4c11", "failed", true),
        operation(NEWEST, "complete", true),
        operation(OLDER, "complete", false),
    ]);
    check(&double, "rollback web", OLDER);
    check(&double, "rollback 11111111", NEWEST);
    check(&double, &format!("rollback {OLDER}"), OLDER);
    let unlisted = "44444444-7f0e-4c39-8a9d-0a0e3a2f4c11";
    check(&double, &format!("rollback {unlisted}"), unlisted);
}

#[test]
fn nothing_to_undo() {
    let double = server(&[operation(NEWEST, "failed", true)]);
    let ended = double.run("rollback web");
    let text = "homeport: no update of web that could be undone; `homeport history` shows what was done\n";
    assert_eq!((ended.code, ended.err.as_str()), (1, text));
    assert!(double.asked("POST /api/rollback").is_empty());
}

#[test]
fn two_that_begin_alike() {
    let double = server(&[operation(NEWEST, "complete", false), operation("11111111-another", "complete", false)]);
    let ended = double.run("rollback 11111111");
    assert_eq!(ended.err, "homeport: several updates begin with 11111111; write more of the id\n");
}
