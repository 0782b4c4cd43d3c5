//! `/events`: the bus over HTTP.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::stack::{PATIENCE, Stack};

/// Opens the stream and reads blocks until `count` of them hold data of the test.
async fn blocks(stack: &Stack, query: &str, last: Option<&str>, count: usize, publish: &[(&str, &str)]) -> Vec<String> {
    let mut call = stack.client.call(Method::GET, &format!("/events{query}"));
    if let Some(last) = last {
        call = call.header("last-event-id", last);
    }
    let response = call.open().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    for (topic, value) in publish {
        stack.world.publish(topic, value);
    }
    let (mut body, mut text) = (response.into_body(), String::new());
    loop {
        let complete = text.rsplit_once("\n\n").map_or("", |(complete, _)| complete);
        let blocks: Vec<_> = complete.split("\n\n").filter(|block| !block.contains("service:")).collect();
        if blocks.len() >= count {
            return blocks.into_iter().map(str::to_owned).collect();
        }
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("silence").expect("the end").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

fn id(block: &str) -> &str {
    block.lines().find_map(|line| line.strip_prefix("id: ")).unwrap()
}

#[tokio::test]
async fn events_come_as_they_are_and_go_on_where_one_stopped() {
    let stack = Stack::start().await;
    let published = [("a:b", r#"{"z":1, "a":2}"#), ("other", "{}"), ("c", "no\njson")];
    let first = blocks(&stack, "?t=a:,c", None, 3, &published).await;
    assert_eq!(first[0], "retry: 1000\nevent: connected\ndata: {}");
    let data = |block: &str| block.lines().find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
    assert_eq!(data(&first[1]), r#"{"topic":"a:b","value":"{\"z\":1, \"a\":2}"}"#);
    assert_eq!(data(&first[2]), r#"{"topic":"c","value":"no\njson"}"#);
    let again = blocks(&stack, "", Some(id(&first[1])), 3, &[]).await;
    assert!(again[1].contains(r#""topic":"other""#), "{again:?}");
    assert_eq!(again[2], first[2], "with the same number");
    let by_query = blocks(&stack, &format!("?t=c&last_event_id={}", id(&first[1])), None, 2, &[]).await;
    assert_eq!(by_query[1], first[2]);
    let gone = blocks(&stack, "?t=none", Some("5"), 2, &[]).await;
    assert_eq!(gone[1], "event: dropped\ndata: {\"count\":null}", "events of another process are gone");
}

#[tokio::test]
async fn what_is_posted_is_published() {
    let stack = Stack::start().await;
    let mut events = stack.world.bus.subscribe();
    let answer = stack.client.post("/events", &json!({ "topic": "a:b", "value": "{\"K\":1}" }).to_string()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let published = async {
        loop {
            let event = events.recv().await.unwrap();
            if event.topic == "a:b" {
                break event.value;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, published).await.unwrap(), r#"{"K":1}"#);
    for bad in [r#"{"topic":"a"}"#, r#"{"topic":"","value":"x"}"#, r#"{"topic":"a","value":{}}"#, "x"] {
        assert_eq!(stack.client.post("/events", bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn a_scoped_token_publishes_in_no_other_name() {
    let stack = Stack::start().await;
    let post = async |credential: &str, topic: &str| {
        let body = json!({ "topic": topic, "value": "{}" }).to_string();
        stack.client.call(Method::POST, "/events").credential(Some(credential)).body(body).send().await.status
    };
    assert_eq!(post("Bearer follower", "myplugin:done").await, StatusCode::NO_CONTENT);
    for topic in ["auth:success", "update:progress", "docker", "service:x:started", "bus:dropped"] {
        assert_eq!(post("Bearer follower", topic).await, StatusCode::UNAUTHORIZED, "{topic}");
        assert_eq!(post("Bearer good", topic).await, StatusCode::NO_CONTENT, "{topic}");
    }
    assert_eq!(post("Bearer scoped", "myplugin:done").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_a_bus_nothing_is_published() {
    let stack = Stack::with(&[], &["auth"]).await;
    let answer = stack.client.post("/events", r#"{"topic":"a","value":"b"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
