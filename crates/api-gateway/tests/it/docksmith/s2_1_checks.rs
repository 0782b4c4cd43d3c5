//! Contract, section 2.1: health, status, checks.

use std::time::Duration;

use homeport_proto::updater::v1::Snapshot;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{snapshot, stack};
use crate::stack::Stack;

#[tokio::test]
async fn s2_1_status_before_the_first_check_is_empty_lists_and_zeros() {
    let stack = Stack::start().await;
    let body = stack.client.get("/api/status").await.json();
    let expected = json!({
        "containers": [], "stacks": {}, "standalone_containers": [], "update_order": [],
        "total_checked": 0, "total": 0, "updates_found": 0, "updates_available": 0, "up_to_date": 0,
        "local_images": 0, "failed": 0, "ignored": 0,
    });
    assert_eq!(body["data"], expected);
    assert_eq!((&body["success"], body["version"].is_string()), (&json!(true), true));
    assert!(body["timestamp"].as_str().unwrap().len() == "2026-07-23T09:46:40.123Z".len(), "{}", body["timestamp"]);
}

#[tokio::test]
async fn s2_1_status_has_the_counters_the_containers_and_the_stacks() {
    let stack = stack().await;
    let answer = stack.client.get("/api/status").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let data = &answer.json()["data"];
    let counters = ["total_checked", "updates_found", "up_to_date", "local_images", "failed", "ignored"];
    assert_eq!(counters.map(|key| data[key].as_u64().unwrap()), [5, 2, 1, 1, 0, 0]);
    assert_eq!((&data["total"], &data["updates_available"]), (&json!(5), &json!(2)));
    assert_eq!(data["last_background_run"], "2026-07-23T09:46:40.123Z");
    assert_eq!(data["last_cache_refresh"], "2026-07-23T09:46:40.000Z");
    assert_eq!((&data["check_interval"], &data["cache_ttl"]), (&json!("5m0s"), &json!("1h0m0s")));
    assert_eq!(data["checking"], Value::Null, "left out when false");
    assert_eq!(data["update_order"], json!(["db", "web"]));
    let web = &data["containers"][0];
    assert_eq!((&web["container_name"], &web["name"], &web["id"]), (&json!("web"), &json!("web"), &json!("web-id")));
    assert_eq!((&web["status"], &web["change_type"]), (&json!("UPDATE_AVAILABLE"), &json!(3)));
    assert_eq!((&web["is_local"], &web["using_latest_tag"]), (&json!(false), &json!(false)));
    assert_eq!(web["pre_update_check_pass"], false);
    assert_eq!(web["update_available"], true);
    assert_eq!(web["available_tags"].as_array().unwrap().len(), 100);
    assert_eq!(web["error"], Value::Null);
    let site = &data["stacks"]["site"];
    assert_eq!((&site["name"], &site["has_updates"]), (&json!("site"), &json!(true)));
    assert_eq!((&site["all_updatable"], &site["update_priority"]), (&json!(true), &json!("major")));
    assert_eq!(site["containers"][0]["available_tags"], Value::Null, "only the first copy has the tags");
    let standalone: Vec<_> = data["standalone_containers"].as_array().unwrap().iter().collect();
    assert_eq!(standalone.len(), 3);
    assert_eq!(standalone[0]["change_type"], 0, "a rebuild is no change of version");
    assert_eq!(standalone[2]["update_available"], true, "blocked is still available");
}

#[tokio::test]
async fn s2_1_widgets_get_a_summary_and_polls_a_304() {
    let stack = stack().await;
    let summary = stack.client.get("/api/status?fields=summary").await.json();
    assert_eq!((&summary["data"]["total_checked"], &summary["data"]["containers"]), (&json!(5), &Value::Null));
    let first = stack.client.get("/api/status").await;
    let tag = first.header("etag").unwrap().to_owned();
    let poll = |tag: &str| stack.client.call(Method::GET, "/api/status").header("if-none-match", tag);
    let again = poll(&tag).send().await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    stack.world.snapshot.lock().unwrap().checking = true;
    let changed = poll(&tag).send().await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()["data"]["checking"], true);
}

#[tokio::test]
async fn s2_1_a_snapshot_is_written_once_for_all_who_poll_it() {
    let stack = Stack::start().await;
    stack.world.told.send_replace(Some(snapshot()));
    let get = |encoding: &'static str| {
        stack.client.call(Method::GET, "/api/status").header("accept-encoding", encoding).send()
    };
    // Told over a stream, which takes a moment.
    let mut first = get("identity").await;
    for _ in 0..200 {
        if first.json()["data"]["total_checked"] == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        first = get("identity").await;
    }
    assert_eq!(first.json()["data"]["total_checked"], 5);
    let second = get("identity").await;
    assert_eq!((second.header("etag"), &second.body), (first.header("etag"), &first.body), "the same, byte for byte");
    let small = get("br, gzip").await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), (Some("gzip"), Some("accept-encoding")));
    assert!(small.body.len() * 2 < first.body.len(), "{} of {}", small.body.len(), first.body.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&small.body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, first.body);
    let tag = first.header("etag").unwrap().to_owned();
    let poll = stack.client.call(Method::GET, "/api/status").header("if-none-match", &tag).send().await;
    assert_eq!((poll.status, poll.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let summary = stack.client.get("/api/status?fields=summary").await;
    assert_eq!((&summary.json()["data"]["containers"], summary.header("etag") == Some(&tag)), (&Value::Null, false));
    stack.world.told.send_replace(Some(Snapshot { checking: true, ..snapshot() }));
    for _ in 0..200 {
        if stack.client.get("/api/status").await.json()["data"]["checking"] == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the newer snapshot never came");
}

#[tokio::test]
async fn s2_1_checks_wait_as_long_as_they_are_told() {
    let stack = stack().await;
    for (method, path) in [
        (Method::GET, "/api/check"),
        (Method::POST, "/api/check?wait=1m30s"),
        (Method::GET, "/api/check?wait=500"),
        (Method::POST, "/api/trigger-check"),
    ] {
        let answer = stack.client.call(method, path).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.json()["data"].is_null(), "{path}");
    }
    let calls = stack.world.calls.lock().unwrap().join("\n");
    let refreshing: Vec<_> = calls.lines().map(|line| line.contains("refresh: true")).collect();
    assert_eq!(refreshing, [true, true, true, false], "{calls}");
    for wanted in ["seconds: 3,", "seconds: 90,", "seconds: 110,", "wait: None"] {
        assert!(calls.contains(wanted), "{wanted} is not in {calls}");
    }
    let data = stack.client.post("/api/trigger-check", "").await.json();
    assert_eq!(data["data"]["message"], "Background check triggered");
}

#[tokio::test]
async fn s2_1_one_container_is_checked_again() {
    let stack = stack().await;
    let data = &stack.client.get("/api/container/web/recheck").await.json()["data"];
    assert_eq!((&data["name"], &data["stack"]), (&json!("web"), &json!("site")));
    for name in ["nobody", "a%2Fb"] {
        let answer = stack.client.get(&format!("/api/container/{name}/recheck")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let text = answer.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(text, format!("container not found: {}", name.replace("%2F", "/")));
    }
}

#[tokio::test]
async fn s2_1_docker_config_shows_names_only() {
    let stack = stack().await;
    let data = stack.client.get("/api/docker-config").await.json()["data"].clone();
    assert_eq!(data["registries"], json!(["Docker Hub (index.docker.io)", "ghcr.io"]));
    assert_eq!((&data["running_in_docker"], data.get("host_config_path")), (&json!(true), None));
    let path = "/root/.docker/config.json";
    let told = Stack::with_settings(&[("HOMEPORT_GATEWAY__DOCKSMITH__HOST_CONFIG_PATH", path)]).await;
    assert_eq!(told.client.get("/api/docker-config").await.json()["data"]["host_config_path"], path);
}

#[tokio::test]
async fn s2_1_health_has_both_shapes() {
    let stack = stack().await;
    let body = stack.client.get("/api/health").await.json();
    assert_eq!((&body["status"], &body["success"]), (&json!("ok"), &json!(true)));
    let expected = json!({ "status": "healthy", "services": { "docker": true, "storage": true } });
    assert_eq!(body["data"], expected);
}
