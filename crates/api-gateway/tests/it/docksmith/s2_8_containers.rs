//! Contract, section 2.8: single containers.

use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;

use super::stack;

#[tokio::test]
async fn s2_8_logs_are_one_text() {
    let stack = stack().await;
    let data = stack.client.get("/api/containers/web/logs").await.json()["data"].clone();
    assert_eq!(data, json!({ "container": "web", "logs": "one\ntwo\n", "tail": "100" }));
    assert_eq!(stack.client.get("/api/containers/web/logs?tail=all").await.json()["data"]["tail"], "all");
    let unknown = stack.client.get("/api/containers/nobody/logs").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (404, &json!("container not found: nobody")));
}

#[tokio::test]
async fn s2_8_logs_begin_and_end_where_they_are_wanted() {
    let stack = stack().await;
    for (query, wanted) in [
        ("", "tail: Some(100), since: None"),
        ("?tail=5&timestamps=true", "tail: Some(5)"),
        ("?timestamps=true", "timestamps: true"),
        ("?timestamps=1", "timestamps: false"),
        ("?tail=all", "tail: None"),
        ("?tail=0", "tail: Some(0)"),
        ("?since=2026-07-23T11:46:40.5%2B02:00", "seconds: 1784800000, nanos: 500000000"),
        ("?since=1784800000.25", "seconds: 1784800000, nanos: 250000000"),
        ("?until=1784800000", "until: Some"),
    ] {
        stack.world.calls.lock().unwrap().clear();
        assert_eq!(stack.client.get(&format!("/api/containers/web/logs{query}")).await.status, StatusCode::OK);
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(wanted), "{query}: {call}");
    }
    let answer = stack.client.get("/api/containers/web/logs?since=yesterday").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn s2_8_a_followed_log_is_plain_text_without_an_end() {
    let stack = stack().await;
    let mut answer = stack.client.call(Method::GET, "/api/containers/web/logs?follow=true&tail=0").open().await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    let mut text = String::new();
    while text.len() < 8 {
        let frame = answer.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    assert_eq!(text, "one\ntwo\n");
    assert!(tokio::time::timeout(Duration::from_millis(300), answer.frame()).await.is_err(), "it goes on");
    let unknown = stack.client.get("/api/containers/nobody/logs?follow=true").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "as an error, not as a log");
}

#[tokio::test]
async fn s2_8_a_followed_log_ends_when_its_credential_is_taken_back() {
    let settings = [("HOMEPORT_GATEWAY__AUTH__RECHECK_MS", "100")];
    let stack = crate::stack::Stack::with_settings(&settings).await;
    let mut answer = stack.client.call(Method::GET, "/api/containers/web/logs?follow=true").open().await;
    stack.world.revoked.store(true, std::sync::atomic::Ordering::SeqCst);
    let ended = async { while answer.frame().await.is_some() {} };
    tokio::time::timeout(crate::stack::PATIENCE, ended).await.expect("it goes on for ever");
}

#[tokio::test]
async fn s3_5_inspect_has_the_clients_form_and_masks_secrets() {
    let stack = stack().await;
    let data = stack.client.get("/api/containers/web/inspect").await.json()["data"].clone();
    assert_eq!((&data["id"], &data["name"], &data["image"]), (&json!("web-id"), &json!("web"), &json!("nginx:1")));
    assert_eq!((&data["state"]["health"], &data["state"]["pid"]), (&json!("healthy"), &json!(7)));
    assert_eq!(data["config"]["env"], json!(["TZ=UTC", "DB_PASSWORD=********"]));
    assert_eq!((&data["config"]["exposed_ports"], &data["config"]["cmd"]), (&json!({ "80/tcp": true }), &json!([])));
    let ports = json!({ "80/tcp": [{ "host_ip": "0.0.0.0", "host_port": "8080" }], "443/tcp": [] });
    assert_eq!(data["network_settings"]["ports"], ports);
    assert_eq!(data["network_settings"]["ip_address"], "10.0.0.2");
    assert_eq!(data["network_settings"]["networks"]["front"]["aliases"], json!([]));
    let mount = json!({ "type": "volume", "source": "data", "destination": "/d", "mode": "", "rw": true });
    assert_eq!(data["mounts"], json!([mount]));
    assert_eq!(data["host_config"]["restart_policy"], json!({ "name": "always", "maximum_retry_count": 0 }));
    assert_eq!((&data["host_config"]["memory"], &data["labels"]), (&json!(1024), &json!({ "a": "b" })));
    let shown = stack.client.get("/api/containers/web/inspect?secrets=true").await.json();
    assert_eq!(shown["data"]["config"]["env"], json!(["TZ=UTC", "DB_PASSWORD=hunter2"]));
    let root =
        stack.client.call(Method::GET, "/api/containers/web/inspect?secrets=true").credential(Some("Bearer root"));
    assert_eq!(root.send().await.status, StatusCode::FORBIDDEN, "a token with scopes does not see them");
    let viewer =
        stack.client.call(Method::GET, "/api/containers/web/inspect?secrets=true").credential(Some("Bearer viewer"));
    assert_eq!(viewer.send().await.status, StatusCode::FORBIDDEN, "nor does who is no administrator");
    assert_eq!(stack.client.get("/api/containers/nobody/inspect").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s2_8_stats_have_dockers_keys_beside_the_envelope() {
    let stack = stack().await;
    let body = stack.client.get("/api/containers/web/stats").await.json();
    assert_eq!((&body["success"], &body["cpu_stats"]["online_cpus"]), (&json!(true), &json!(2)));
    assert_eq!((&body["data"]["cpu_percent"], &body["data"]["memory_usage"]), (&json!(12.5), &json!(7)));
    for key in ["memory_limit", "memory_percent", "network_rx", "network_tx"] {
        assert!(body["data"][key].is_number(), "{key}");
    }
    assert_eq!(stack.client.get("/api/containers/nobody/stats").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s2_8_what_is_done_by_hand_is_answered_at_its_end() {
    let stack = stack().await;
    for (path, status, call) in [
        ("start", "started", "Start(Start)"),
        ("stop", "stopped", "Stop(Stop { timeout: None })"),
        ("stop?timeout=3", "stopped", "seconds: 3,"),
        ("stop?timeout=-3", "stopped", "timeout: None"),
        ("stop?timeout=soon", "stopped", "timeout: None"),
        ("restart?timeout=0", "restarted", "Restart(Restart { timeout: None })"),
        ("pause", "paused", "Pause(Pause)"),
        ("unpause", "unpaused", "Unpause(Unpause)"),
        ("kill?signal=SIGHUP", "killed", r#"signal: "SIGHUP""#),
    ] {
        let data = stack.client.post(&format!("/api/containers/web/{path}"), "").await.json()["data"].clone();
        let message = format!("Container web {status} successfully");
        let expected = json!({ "container": "web", "status": status, "operation_id": "op-7", "message": message });
        assert_eq!(data, expected, "{path}");
        let made = stack.world.calls.lock().unwrap().pop().unwrap();
        assert!(made.contains(call) && made.contains(r#"requested_by: "admin""#), "{path}: {made}");
    }
}

#[tokio::test]
async fn s2_8_a_refusal_says_why() {
    let stack = stack().await;
    for (name, status, words) in [
        ("nobody", 404, "container not found: nobody"),
        ("busy", 409, "being worked on"),
        ("own", 400, "Homeport's own"),
        ("port", 500, "port is already allocated"),
    ] {
        let answer = stack.client.post(&format!("/api/containers/{name}/start"), "").await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        assert!(answer.json()["error"].as_str().unwrap().contains(words), "{}", answer.json());
    }
    let failed = stack.client.post("/api/containers/port/start", "").await.json();
    assert_eq!(
        failed["data"],
        json!({ "container": "port", "operation_id": "op-7" }),
        "what was recorded all the same"
    );
}

#[tokio::test]
async fn s2_8_what_runs_is_removed_only_by_force() {
    let stack = stack().await;
    let delete = |path: &'static str| stack.client.call(Method::DELETE, path).send();
    for path in ["/api/containers/web", "/api/containers/web?force=1"] {
        let answer = delete(path).await;
        let error = answer.json()["error"].clone();
        assert_eq!((answer.status.as_u16(), error), (400, json!("container is running, use force=true to remove")));
    }
    let data = delete("/api/containers/web?force=true&volumes=true").await.json()["data"].clone();
    assert_eq!((&data["status"], &data["force"], &data["volumes"]), (&json!("removed"), &json!(true), &json!(true)));
}

#[tokio::test]
async fn s2_8_several_at_once() {
    let stack = stack().await;
    let data =
        stack.client.post("/api/containers/batch/stop", r#"{"containers":["web","x"],"timeout":5}"#).await.json();
    let expected = json!({
        "batch_group_id": "group-2",
        "results": [
            { "container": "web", "success": true, "operation_id": "op-7" },
            { "container": "x", "success": false, "error": "container not found" },
        ],
    });
    assert_eq!(data["data"], expected);
    assert!(stack.world.calls.lock().unwrap()[0].contains("seconds: 5"));
    for body in ["{}", r#"{"containers":[]}"#] {
        let answer = stack.client.post("/api/containers/batch/start", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("containers array is required")));
    }
    let unknown = stack.client.post("/api/containers/batch/explode", r#"{"containers":["web"]}"#).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let typed = stack.client.post("/api/containers/batch/remove", r#"{"containers":[1]}"#).await;
    assert_eq!(typed.status, StatusCode::BAD_REQUEST);
}
