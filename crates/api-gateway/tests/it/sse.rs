//! The event stream.

use std::{sync::atomic::Ordering, time::Duration};

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
};

use crate::stack::{PATIENCE, Stack};

/// A stream, read block by block.
struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    async fn open(stack: &Stack, query: &str, last: Option<&str>) -> Self {
        let mut call = stack.client.call(Method::GET, &format!("/api/events{query}"));
        if let Some(last) = last {
            call = call.header("last-event-id", last);
        }
        let response = call.open().await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next block, without the empty line. `None`: the stream ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("silence")?;
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
    }

    async fn event(&mut self) -> (Option<String>, Option<String>, Value) {
        let block = self.block().await.expect("the stream ended");
        let field =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
        (field("event"), field("id"), serde_json::from_str(&field("data").unwrap()).unwrap())
    }
}

#[tokio::test]
async fn s4_a_stream_begins_with_connected() {
    let stack = Stack::start().await;
    let mut events = Events::open(&stack, "", None).await;
    let first = events.block().await.unwrap();
    assert_eq!(first, "retry: 1000\nevent: connected\ndata: {\"status\":\"connected\"}");
}

#[tokio::test]
async fn s4_bus_events_come_under_their_own_names() {
    let stack = Stack::start().await;
    let mut events = Events::open(&stack, "", None).await;
    events.block().await;
    stack.world.publish("docker:container:start", "{}");
    stack.world.publish("update:progress", r#"{"container_name":"web","progress":30,"stage":"pulling_image"}"#);
    stack.world.publish("update:container", r#"{"status":"updated"}"#);
    stack.world.publish("update:check", r#"{"stage":"complete"}"#);
    let (name, id, data) = events.event().await;
    assert_eq!(name.as_deref(), Some("update.progress"));
    assert!(id.is_some());
    assert_eq!((&data["type"], &data["payload"]["percent"]), (&json!("update.progress"), &json!(30)));
    assert_eq!(data["payload"]["container"], "web");
    assert_eq!(events.event().await.0.as_deref(), Some("container.updated"));
    assert_eq!(events.event().await.2, json!({ "type": "check.progress", "payload": { "stage": "complete" } }));
}

#[tokio::test]
async fn s4_names_can_be_left_out() {
    let stack = Stack::start().await;
    let mut events = Events::open(&stack, "?named=false", None).await;
    assert_eq!(events.event().await.0, None);
    stack.world.publish("update:container", "{}");
    assert_eq!(events.event().await.0, None);
}

#[tokio::test]
async fn s4_whoever_comes_back_gets_what_was_missed() {
    let stack = Stack::start().await;
    let mut events = Events::open(&stack, "", None).await;
    events.block().await;
    stack.world.publish("update:container", r#"{"status":"1"}"#);
    let (_, id, _) = events.event().await;
    drop(events);
    for number in 2..=3 {
        stack.world.publish("update:container", &json!({ "status": number.to_string() }).to_string());
    }
    let mut again = Events::open(&stack, "", id.as_deref()).await;
    again.block().await;
    assert_eq!(again.event().await.2["payload"]["status"], "2");
    assert_eq!(again.event().await.2["payload"]["status"], "3");
    let mut older = Events::open(&stack, "", Some("5")).await;
    older.block().await;
    assert_eq!(older.event().await.0.as_deref(), Some("system.events_dropped"), "events of another process are gone");
    assert_eq!(older.event().await.2["payload"]["status"], "1");
}

#[tokio::test]
async fn s4_silence_is_filled_with_comments() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__EVENTS__KEEPALIVE_MS", "50")]).await;
    let mut events = Events::open(&stack, "", None).await;
    events.block().await;
    assert_eq!(events.block().await.as_deref(), Some(": keepalive"));
    assert_eq!(events.block().await.as_deref(), Some(": keepalive"));
}

/// A client that takes in next to nothing by itself.
async fn narrow(stack: &Stack) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let mut stream = socket.connect(stack.client.address()).await.unwrap();
    let request = "GET /api/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer good\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn s4_a_client_that_does_not_read_is_told_and_holds_up_nobody() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__EVENTS__QUEUE", "8")]).await;
    let mut slow = BufReader::new(narrow(&stack).await);
    let mut line = String::new();
    while !line.contains("connected") {
        slow.read_line(&mut line).await.unwrap();
    }
    let mut quick = Events::open(&stack, "", None).await;
    quick.block().await;
    // More than the kernel keeps for the slow one.
    let filling = "x".repeat(64 << 10);
    for number in 0..200 {
        stack.world.publish("update:container", &json!({ "number": number, "filling": filling }).to_string());
        let (name, _, data) = quick.event().await;
        assert_eq!(name.as_deref(), Some("container.updated"), "the quick client misses nothing");
        assert_eq!(data["payload"]["number"], number);
    }
    let mut dropped = 0;
    while !line.contains("\"number\":199") {
        line.clear();
        let read = tokio::time::timeout(PATIENCE, slow.read_line(&mut line)).await;
        assert!(read.expect("silence").unwrap() > 0);
        if let Some((_, count)) = line.split_once("\"dropped_count\":") {
            dropped += count.split(',').next().unwrap().parse::<u64>().unwrap();
        }
    }
    assert!(dropped > 0, "the slow client is told how many it missed");
}

#[tokio::test]
async fn s4_streams_are_bounded() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__EVENTS__MAX_CLIENTS", "1")]).await;
    let first = Events::open(&stack, "", None).await;
    assert_eq!(stack.client.get("/api/events").await.status, StatusCode::SERVICE_UNAVAILABLE);
    drop(first);
    let again = async {
        while stack.client.call(Method::GET, "/api/events").open().await.status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a client that left still counts");
}

#[tokio::test]
async fn s4_a_stream_ends_with_its_credential() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__AUTH__RECHECK_MS", "100")]).await;
    let mut events = Events::open(&stack, "", None).await;
    events.block().await;
    stack.world.revoked.store(true, Ordering::SeqCst);
    assert_eq!(events.block().await, None);
}
