//! Commands that only look: tables for people, documents for scripts.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use serde_json::json;

use crate::double::Double;

fn status() -> serde_json::Value {
    json!({
        "containers": [{
            "container_name": "web", "image": "nginx:1.22.1", "stack": "site", "current_tag": "1.22.1",
            "latest_version": "1.26.3", "change_type": 2, "status": "UPDATE_AVAILABLE",
        }],
        "total_checked": 1, "updates_found": 1, "checking": false,
    })
}

const TABLE: &str = "\
CONTAINER  STACK  IMAGE  RUNNING  AVAILABLE  STATE
web        site   nginx  1.22.1   1.26.3     minor update

Nothing was checked yet
";

#[test]
fn status_is_shown_and_handed_on() {
    let double = Double::start().data("GET /api/status", [status()]);
    double.run("status").check(0, TABLE);
    assert_eq!(double.run("status --json").json(), status());
}

#[test]
fn a_check_waits_for_its_end() {
    let double = Double::start().data("POST /api/check", [status()]);
    double.run("check").check(0, TABLE);
    assert_eq!(double.asked("POST /api/check")[0].line, "POST /api/check?wait=110s");
}

#[test]
fn one_container_is_checked() {
    let double = Double::start().data("GET /api/container/a%2Fb/recheck", [status()["containers"][0].clone()]);
    double.run("check a/b").check(0, TABLE.split_once("\n\n").map(|(table, _)| format!("{table}\n")).unwrap().as_str());
}

#[test]
fn tags_are_explained() {
    let answer = json!({
        "image": "nginx:1.22.1", "status": "UPDATE_AVAILABLE", "current": "1.22.1", "current_version": "1.22.1",
        "latest": "1.26.3", "latest_resolved_version": "1.26.3", "recommended_tag": "", "change": "minor",
        "change_type": 2, "error": "", "note": "", "truncated": false,
        "candidates": [{ "tag": "1.26.3", "verdict": "offered", "reason": "the newest that may follow" }],
    });
    let table = "nginx:1.22.1: UPDATE_AVAILABLE, 1.26.3 (minor)\n\
                 TAG     VERDICT\n\
                 1.26.3  offered  the newest that may follow\n";
    let double = Double::start().data("POST /api/explain", [answer.clone()]);
    double.run("explain web").check(0, table);
    assert_eq!(double.asked("POST /api/explain")[0].body, json!({ "container": "web" }));
    assert_eq!(double.run("explain web --json").json(), answer);
    // The same from a file, without a server.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "1.26.3\n").unwrap();
    let line = format!("explain --image nginx:1.22.1 --tags-file {}", file.path().display());
    double.run(&line).check(0, table);
    assert_eq!(double.run(&format!("{line} --json")).json(), answer);
    let narrowed = double.run(&format!("{line} --label docksmith.tag-regex=^1.2[345] --json")).json();
    assert_eq!((&narrowed["status"], &narrowed["candidates"][0]["verdict"]), (&json!("UP_TO_DATE"), &json!("regex")));
    assert_eq!(double.asked("POST /api/explain").len(), 2, "nobody is asked about a file");
}

#[test]
fn the_history_of_one_container() {
    let page = json!({ "operations": [], "count": 0, "has_more": false });
    let double = Double::start().data("GET /api/operations", [page.clone()]);
    assert_eq!(double.run("history --container we&b --limit 5 --json").json(), page);
    assert_eq!(double.asked("GET /api/operations")[0].line, "GET /api/operations?limit=5&container=we%26b");
}

#[test]
fn events_are_filtered_and_the_stream_is_reopened() {
    let stream = "event: connected\ndata: {\"status\":\"connected\"}\n\n\
                  id: 5\ndata: {\"type\":\"check.progress\",\"payload\":{\"stage\":\"checking\"}}\n\n\
                  id: 6\ndata: {\"type\":\"update.progress\",\"payload\":{\"container_name\":\"web\",\"stage\":\"backup\"}}\n\n";
    let double = Double::start().raw("GET /api/events", 200, stream);
    let mut child = double.command("events --topic update:").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines, ["update.progress  web  backup"; 2], "the double ends its stream after one; it was opened again");
    let mut child = double.command("events --json").stdout(Stdio::piped()).spawn().unwrap();
    let first = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(first, r#"{"type":"check.progress","payload":{"stage":"checking"}}"#);
}

#[test]
fn tokens() {
    let made = json!({ "Name": "ci", "Token": "the secret", "Expire": 0, "ScopedPaths": ["/api:r"] });
    let double = Double::start().raw("PUT /tokens", 200, &made.to_string()).raw("GET /tokens", 200, "[]").raw(
        "DELETE /tokens",
        200,
        "",
    );
    let ended = double.run("token create ci --scope /api:r --scope /x");
    ended.check(0, "the secret\n");
    let body = &double.asked("PUT /tokens")[0].body;
    assert_eq!(*body, json!({ "Name": "ci", "Expire": 0, "ScopedPaths": ["/api:r", "/x"] }));
    assert_eq!(double.run("token create ci --json").json(), made);
    double.run("token list").check(0, "There are no tokens\n");
    double.run("token delete ci").check(0, "The token ci is deleted\n");
    assert_eq!(double.asked("DELETE /tokens")[0].body, json!({ "Name": "ci" }));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let double = Double::start().data("GET /api/status", [status()]);
    let mut child = double.command("status").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Double::start().run(&format!("completions {shell}"));
        assert!(ended.code == 0 && ended.out.contains("rollback"), "{shell}");
    }
}
