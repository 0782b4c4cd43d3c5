//! `api.json` acts within a second, whatever is done to it.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::{
    plugin,
    stack::{PATIENCE, Stack},
};

const WITHIN: Duration = Duration::from_secs(1);

/// Waits until a path answers with a status, and says how long that took.
async fn until(stack: &Stack, path: &str, status: StatusCode) -> Duration {
    let started = Instant::now();
    let reached = async {
        while stack.client.get(path).await.status != status {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{path} never became {status}"));
    started.elapsed()
}

fn entry(uri: &str, path: &str, enabled: bool) -> String {
    format!(r#"{{"Plugins":[{{"name":"{uri}","uri":"{uri}","unixpath":"{path}","enabled":{enabled},"Extra":1}}]}}"#)
}

#[tokio::test]
async fn changes_act_within_a_second() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    let write = |text: String| std::fs::write(stack.api_json(), text).unwrap();

    write(entry("a", &path, true));
    assert!(until(&stack, "/plugins/a/", StatusCode::OK).await < WITHIN, "a new plugin");
    write(entry("a", &path, false));
    assert!(until(&stack, "/plugins/a/", StatusCode::NOT_FOUND).await < WITHIN, "a disabled plugin");
    // As editors and the gateway itself write: a new file in place of the old one.
    let temporary = stack.api_json().with_extension("tmp");
    std::fs::write(&temporary, entry("b/c", &path, true)).unwrap();
    std::fs::rename(&temporary, stack.api_json()).unwrap();
    assert!(until(&stack, "/plugins/b/c/", StatusCode::OK).await < WITHIN, "a replaced file");
    std::fs::remove_file(stack.api_json()).unwrap();
    assert!(until(&stack, "/plugins/b/c/", StatusCode::NOT_FOUND).await < WITHIN, "a removed file");
    write(entry("a", &path, true));
    assert!(until(&stack, "/plugins/a/", StatusCode::OK).await < WITHIN, "a file that is back");
}

#[tokio::test]
async fn a_broken_file_changes_nothing() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    std::fs::write(stack.api_json(), entry("a", &path, true)).unwrap();
    stack.until_served("a").await;
    for broken in ["", "{", "[]", r#"{"Plugins":7}"#] {
        std::fs::write(stack.api_json(), broken).unwrap();
        tokio::time::sleep(WITHIN).await;
        assert_eq!(stack.client.get("/plugins/a/").await.status, StatusCode::OK, "{broken}");
    }
    std::fs::write(stack.api_json(), entry("b", &path, true)).unwrap();
    assert!(until(&stack, "/plugins/b/", StatusCode::OK).await < WITHIN, "and the next good one counts");
}

#[tokio::test]
async fn a_wrong_entry_leaves_the_others_alone() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    let text = format!(
        r#"{{"Plugins":[
            {{"Name":"x","URI":"x","UnixPath":"/run/docker.sock","Enabled":true}},
            {{"Name":"y","URI":7}},
            {{"Name":"a","URI":"a","UnixPath":"{path}","Enabled":true}}
        ],"PlusToken":null}}"#
    );
    std::fs::write(stack.api_json(), text).unwrap();
    stack.until_served("a").await;
    assert_eq!(stack.client.get("/plugins/x/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_under_way_survives_a_reload() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    let drip = stack.client.get("/plugins/a/drip");
    let change = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        // An answer ends with its own plugin alone: `direct::over` has that.
        stack.list_plugins(&[("a", &path), ("b", &path)]).await;
    };
    let (answer, ()) = tokio::join!(drip, change);
    assert_eq!(answer.text(), "onetwo");
}
