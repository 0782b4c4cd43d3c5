//! Commands about what the engine has.

use serde_json::json;

use crate::double::Double;

#[test]
fn one_container_is_worked_on_by_itself() {
    let double = Double::start()
        .data("POST /api/containers/web/stop", [json!({ "container": "web", "status": "stopped" })])
        .data("DELETE /api/containers/a%2Fb", [json!({ "status": "removed" })])
        .raw("POST /api/containers/port/start", 500, r#"{"success":false,"error":"port is already allocated"}"#);
    double.run("stop web --timeout 3").check(0, "web was stopped\n");
    assert_eq!(
        double.asked("POST /api/containers/web/stop")[0].line,
        "POST /api/containers/web/stop?timeout=3&force=false"
    );
    double.run("remove a/b --force").check(0, "a/b was removed\n");
    assert!(double.asked("DELETE /api/containers/a%2Fb")[0].line.ends_with("?force=true&volumes=false"));
    let failed = double.run("start port");
    assert_eq!(failed.code, 1);
    assert!(failed.err.contains("port is already allocated"), "{failed:?}");
}

#[test]
fn several_are_worked_on_in_one_request() {
    let results = json!({ "results": [
        { "container": "web", "success": true, "operation_id": "1" },
        { "container": "x", "success": false, "error": "container not found" },
    ] });
    let double = Double::start().data("POST /api/containers/batch/restart", [results]);
    double.run("restart web x").check(1, "web was restarted\nx: container not found\n");
    let asked = double.asked("POST /api/containers/batch/restart");
    assert_eq!(asked[0].body, json!({ "containers": ["web", "x"], "timeout": null, "force": false }));
}

#[test]
fn a_log_is_printed_as_it_was() {
    let double = Double::start()
        .data("GET /api/containers/web/logs", [json!({ "container": "web", "logs": "one\ntwo", "tail": "2" })]);
    double.run("logs web -n 2 --since 2026-07-23T09:46:40Z -t").check(0, "one\ntwo\n");
    let line = double.asked("GET /api/containers/web/logs")[0].line.clone();
    assert_eq!(line, "GET /api/containers/web/logs?tail=2&since=2026-07-23T09%3A46%3A40Z&timestamps=true");
    let followed = Double::start().raw("GET /api/containers/web/logs", 200, "one\ntwo\n");
    followed.run("logs web -f -n 0").check(0, "one\ntwo\n");
    assert!(followed.asked("GET /api/containers/web/logs")[0].line.ends_with("?tail=0&follow=true"));
}

#[test]
fn pruning_shows_first_and_removes_only_when_somebody_agrees() {
    let item = json!({ "type": "image", "id": "sha256:a", "name": "old:1", "size": 1000 });
    let pruned = json!({ "items": [item], "space_reclaimed": 1000 });
    let double = Double::start().data("POST /api/prune/images", [pruned]);
    let shown = double.run("prune images --all");
    assert_eq!(shown.code, 1, "nobody is at the terminal: {shown:?}");
    assert!(shown.out.contains("old:1") && shown.err.contains("--yes"), "{shown:?}");
    let line = |at: usize| double.asked("POST /api/prune/images")[at].line.clone();
    assert!(line(0).ends_with("?all=true&volumes=false&dry_run=true"), "{}", line(0));
    double.run("prune images --yes").check(0, "1 removed, 1.0 kB given back\n");
    assert!(line(1).ends_with("dry_run=false"), "{}", line(1));
    let dry = double.run("prune images --dry-run --yes");
    assert!(dry.code == 0 && line(2).ends_with("dry_run=true"), "{dry:?}");
}

#[test]
fn settings_labels_and_figures_are_shown() {
    let double = Double::start()
        .data("GET /api/settings/history_retention_days", [json!({ "key": "history_retention_days", "value": "0" })])
        .data("PUT /api/settings/history_retention_days", [json!({ "key": "history_retention_days", "value": "30" })])
        .data("GET /api/labels/web", [json!({ "labels": { "docksmith.ignore": "true", "other": "x" } })])
        .data("GET /api/containers/web/stats", [json!({ "cpu_percent": 12.34, "memory_usage": 1000 })]);
    double.run("settings").check(0, "history_retention_days = 0\n");
    double.run("settings history_retention_days 30").check(0, "history_retention_days = 30\n");
    assert_eq!(double.asked("PUT /api/settings/history_retention_days")[0].body, json!({ "value": "30" }));
    double.run("labels web").check(0, "LABEL             VALUE\ndocksmith.ignore  true\n");
    let stats = double.run("stats web");
    assert!(stats.out.contains("12.3 %") && stats.out.contains("1.0 kB"), "{stats:?}");
    assert_eq!(double.run("stats web --json").json()["web"]["cpu_percent"], 12.34);
}

#[test]
fn lists_are_tables_or_documents() {
    let double = Double::start()
        .data(
            "GET /api/explorer",
            [json!({ "containers": [{ "name": "web", "image": "nginx", "state": "running", "stack": "s" }] })],
        )
        .data("GET /api/volumes", [json!({ "volumes": [{ "name": "data", "size": -1 }], "count": 1 })])
        .data("DELETE /api/volumes/data", [json!({ "message": "Volume removed successfully" })]);
    assert!(double.run("containers").out.contains("web"));
    assert!(double.run("containers --stack other").out.contains("no containers"));
    assert_eq!(double.run("volumes --json").json(), json!([{ "name": "data", "size": -1 }]));
    double.run("volumes remove data").check(0, "data was removed\n");
}
