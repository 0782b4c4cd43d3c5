//! Updates: started, followed, reported.

use serde_json::{Value, json};

use crate::double::Double;

fn operation(status: &str, more: &Value) -> Value {
    let mut operation = json!({
        "operation_id": "op-1", "container_name": "web", "operation_type": "single", "status": status,
        "old_version": "1.22.1", "new_version": "1.26.3", "rollback_occurred": false, "stage": "pulling_image", "percent": 40,
    });
    operation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    operation
}

fn server(operations: impl IntoIterator<Item = Value>) -> Double {
    start().data("GET /api/operations/op-1", operations)
}

fn start() -> Double {
    let started =
        json!({ "operation_id": "op-1", "container_name": "web", "target_version": "1.26.3", "status": "started" });
    Double::start().data("POST /api/update", [started])
}

fn running() -> Value {
    operation("in_progress", &json!({}))
}

fn done() -> Value {
    operation("complete", &json!({}))
}

#[test]
fn an_update_is_followed_to_its_end() {
    let stream = "data: {\"type\":\"update.progress\",\"payload\":{\"operation_id\":\"op-1\",\"container_name\":\"web\",\
                  \"stage\":\"recreating\",\"progress\":70,\"message\":\"Recreating\"}}\n\n\
                  data: {\"type\":\"update.progress\",\"payload\":{\"operation_id\":\"other\",\"stage\":\"backup\"}}\n\n";
    let double = server([running(), done()]).raw("GET /api/events", 200, stream);
    let ended = double.run("update web --to 1.26.3");
    ended.check(0, "web: updated, 1.22.1 → 1.26.3\n");
    assert!(ended.err.contains("web: recreating\n") && !ended.err.contains("backup"), "{ended:?}");
    let asked = &double.asked("POST /api/update")[0].body;
    assert_eq!(*asked, json!({ "container_name": "web", "target_version": "1.26.3", "force": false }));
}

#[test]
fn without_events_the_document_is_enough() {
    let double = server([running(), running(), done()]);
    let ended = double.run("update web --force");
    ended.check(0, "web: updated, 1.22.1 → 1.26.3\n");
    assert_eq!(ended.err, "web: pulling image\n");
    let asked = &double.asked("POST /api/update")[0].body;
    assert_eq!(*asked, json!({ "container_name": "web", "target_version": null, "force": true }));
}

#[test]
fn an_update_that_was_undone_is_a_failure() {
    let message = "the new version did not become healthy: it exited with code 1";
    let failed = operation("failed", &json!({ "rollback_occurred": true, "error_message": message }));
    let double = server([failed.clone()]);
    double.run("update web").check(1, &format!("web: failed, rolled back, 1.22.1 → 1.26.3: {message}\n"));
    let ended = double.run("update web --json");
    assert_eq!((ended.code, ended.json(), ended.err.as_str()), (1, failed, ""));
}

#[test]
fn a_service_that_restarts_meanwhile_is_waited_for() {
    let away = (503, r#"{"success":false,"error":"updater cannot be reached"}"#.to_owned());
    let last = (200, json!({ "success": true, "data": done() }).to_string());
    let double = start().answer("GET /api/operations/op-1", [away.clone(), away, last]);
    double.run("update web").check(0, "web: updated, 1.22.1 → 1.26.3\n");
}

#[test]
fn nobody_has_to_wait() {
    let double = server([running()]);
    double.run("update web --no-wait").check(0, "web: update to 1.26.3 began, operation op-1\n");
    assert_eq!(double.run("update web --no-wait --json").json()["operation_id"], "op-1");
    assert!(double.asked("GET /api/operations/op-1").is_empty());
}

#[test]
fn what_cannot_begin_says_why() {
    let double =
        Double::start().raw("POST /api/update", 404, r#"{"success":false,"error":"container not found: web"}"#);
    let ended = double.run("update web");
    assert_eq!((ended.code, ended.err.as_str()), (1, "homeport: container not found: web\n"));
}

#[test]
fn a_plan_is_shown() {
    let document = json!({ "text": "1. pull nginx:1.26.3\n2. stop web\n", "plan": {} });
    let many = json!({ "plans": [
        { "container_name": "web", "text": "1. pull nginx:1.26.3\n2. stop web\n" },
        { "container_name": "db", "error": "it has no tag" },
    ] });
    let double = Double::start().data("POST /api/plan", [document.clone()]).data("POST /api/plan/batch", [many]);
    double.run("update web --plan").check(0, "1. pull nginx:1.26.3\n2. stop web\n");
    assert_eq!(double.run("update web --plan --json").json(), document);
    double.run("plan web --to 2 --force").check(0, "1. pull nginx:1.26.3\n2. stop web\n");
    let asked = double.asked("POST /api/plan");
    let expected = json!({
        "container_name": "web", "target_version": "2", "force": true, "rehearse": false, "script": null,
    });
    assert_eq!(asked.last().unwrap().body, expected);
    let ended = double.run("plan web db");
    assert_eq!((ended.code, ended.out.as_str()), (1, "1. pull nginx:1.26.3\n2. stop web\n\n\n"));
    assert_eq!(ended.err, "db: it has no tag\n");
    assert_eq!(double.asked("POST /api/plan/batch")[0].body["containers"], json!(["web", "db"]));
}

#[test]
fn an_update_is_held_to_its_plan() {
    let double = server([done()]);
    double.run("update web --plan-hash 0123456789ab").check(0, "web: updated, 1.22.1 → 1.26.3\n");
    assert_eq!(double.asked("POST /api/update")[0].body["plan_hash"], "0123456789ab");
}

fn status(checked: bool) -> Value {
    let container = |name: &str, status: &str| json!({ "container_name": name, "image": "nginx:1.22.1", "status": status, "latest_version": "1.26.3" });
    json!({
        "containers": [
            container("web", "UPDATE_AVAILABLE"), container("held", "UPDATE_AVAILABLE_BLOCKED"), container("new", "UP_TO_DATE"),
            container("odd", "UPDATE_AVAILABLE"),
        ],
        "last_background_run": checked.then_some("2026-11-20T20:00:00.123Z"),
    })
}

fn names(double: &Double, request: usize) -> Vec<String> {
    let body = &double.asked("POST /api/update/batch")[request].body;
    body["containers"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_that_have_an_update() {
    let batch = json!({ "operations": [
        { "stack": "__standalone__", "containers": ["web"], "operation_id": "op-1", "status": "started" },
        { "stack": "odd", "containers": ["odd"], "status": "failed", "error": "its compose file cannot be read" },
    ]});
    let double =
        server([running(), done()]).data("GET /api/status", [status(true)]).data("POST /api/update/batch", [batch]);
    let ended = double.run("update --all");
    ended.check(1, "web: updated, 1.22.1 → 1.26.3\n");
    assert!(ended.err.contains("odd: did not begin: its compose file cannot be read\n"), "{ended:?}");
    assert_eq!(names(&double, 0), ["web", "odd"]);
    double.run("update --all --force");
    assert_eq!(names(&double, 1), ["web", "held", "odd"]);
}

#[test]
fn nothing_to_update() {
    let mut nothing = status(true);
    nothing["containers"] = json!([]);
    let double = Double::start().data("GET /api/status", [nothing]);
    double.run("update --all").check(0, "Everything is up to date\n");
    let double = Double::start().data("GET /api/status", [status(false)]);
    assert_eq!(double.run("update --all").err, "homeport: nothing was checked yet; run `homeport check` first\n");
}
