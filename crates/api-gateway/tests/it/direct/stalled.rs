//! Clients that take nothing of what they are sent, or ask for nothing: they are left, on every way. Whoever waits for
//! something to happen is not.

use std::time::{Duration, Instant};

use bytes::Bytes;
use homeport_proto::auth::v1::WatchRevocationsResponse;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;

use super::*;
use crate::secure;

const TLS: (&str, &str) = ("HOMEPORT_GATEWAY__TLS__LISTEN", "127.0.0.1:0");
const SHORT: (&str, &str) = ("HOMEPORT_GATEWAY__HTTP__WRITE_TIMEOUT_MS", "300");
const LIMIT: Duration = Duration::from_millis(300);

/// A connection of HTTP/2.
struct Two {
    sender: SendRequest<Empty<Bytes>>,
    /// Ends with the connection.
    connection: JoinHandle<()>,
}

impl Two {
    async fn open(stack: &Stack) -> Self {
        let root = stack.client.call(Method::GET, "/cert").credential(None).send().await;
        let stream = secure::connect(stack.secure.unwrap(), "localhost", root.text(), &["h2"]).await.unwrap();
        let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
        Self { sender, connection: tokio::spawn(async move { drop(connection.await) }) }
    }

    async fn ask(&mut self, path: &str) -> Response<Incoming> {
        let request = secure::get(&format!("https://localhost{path}")).body(Empty::new()).unwrap();
        timeout(PATIENCE, self.sender.send_request(request)).await.expect("no answer").unwrap()
    }

    async fn check_ends(self) {
        timeout(PATIENCE, self.connection).await.expect("it stays open").unwrap();
    }
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_left() {
    let (stack, script) = stack(&[SHORT]).await;
    for (count, way) in ["\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"].into_iter().enumerate() {
        let mut wire = Wire::open(&stack).await;
        let started = Instant::now();
        wire.send(&question("GET", "/flood").replace("\r\n\r\n", way)).await;
        eventually(|| script.gone.load(Ordering::SeqCst) > count).await;
        assert!(started.elapsed() > LIMIT);
        // What the kernel had not sent is gone with it.
        let end = timeout(PATIENCE, wire.0.read_to_end(&mut Vec::new())).await.expect("it stays open");
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "{way:?}");
    }
}

#[tokio::test]
async fn who_takes_nothing_of_a_stream_of_events_is_left() {
    let one = ("HOMEPORT_GATEWAY__EVENTS__MAX_CLIENTS", "1");
    let (stack, _script) = stack(&[SHORT, one]).await;
    let mut silent = Wire::open(&stack).await;
    silent.send("GET /events HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer good\r\n\r\n").await;
    assert_eq!(silent.answer(false).await.0, 200);
    let filling = serde_json::json!({ "filling": "x".repeat(64 << 10) }).to_string();
    let again = async {
        while stack.client.call(Method::GET, "/events").open().await.status() != StatusCode::OK {
            stack.world.publish("update:container", &filling);
        }
    };
    timeout(PATIENCE, again).await.expect("it holds its place");
}

#[tokio::test]
async fn who_is_sent_nothing_is_left_alone() {
    let (stack, _script) = stack(&[SHORT, TLS, ("HOMEPORT_GATEWAY__HTTP__HEADER_TIMEOUT_MS", "300")]).await;
    let mut events = Wire::open(&stack).await;
    events.send("GET /events HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer good\r\n\r\n").await;
    assert_eq!(events.answer(false).await.0, 200);
    let mut part = Wire::open(&stack).await;
    part.send(&question("GET", "/events")).await;
    assert_eq!(part.answer(false).await.0, 200);
    let mut two = Two::open(&stack).await;
    let (mut more, mut also) = (two.ask("/events").await.into_body(), two.ask("/plugins/a/events").await.into_body());
    assert!(more.frame().await.unwrap().is_ok() && also.frame().await.unwrap().is_ok());
    tokio::time::sleep(LIMIT * 5).await;
    assert!(timeout(Duration::from_millis(20), also.frame()).await.is_err(), "it is over");
    stack.world.publish("test:late", "{}");
    let frame = timeout(PATIENCE, more.frame()).await.unwrap().expect("the stream ended").unwrap();
    assert!(String::from_utf8_lossy(frame.data_ref().unwrap()).contains("test:late"));
    let mut text = String::new();
    while !text.contains("test:late") {
        text.push(timeout(PATIENCE, events.0.read_u8()).await.unwrap().expect("the stream ended").into());
    }
    assert_eq!(part.exactly(9).await, "4\r\npart\r\n");
}

#[tokio::test]
async fn a_connection_of_http_2_ends_when_nothing_is_asked_on_it() {
    let (stack, _script) = stack(&[TLS, ("HOMEPORT_GATEWAY__HTTP__HEADER_TIMEOUT_MS", "300")]).await;
    let started = Instant::now();
    let never = Two::open(&stack).await;
    let mut once = Two::open(&stack).await;
    tokio::time::sleep(LIMIT / 2).await;
    let answer = once.ask("/plugins/a/length").await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "whole");
    never.check_ends().await;
    once.check_ends().await;
    assert!(started.elapsed() > LIMIT * 3 / 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn who_answers_pings_and_takes_nothing_is_left() {
    let (stack, script) = stack(&[TLS, SHORT]).await;
    let mut two = Two::open(&stack).await;
    // A client that goes on reading the connection, and keeps the window of the stream closed.
    let answer = two.ask("/plugins/a/flood").await;
    two.check_ends().await;
    eventually(|| script.gone.load(Ordering::SeqCst) == 1).await;
    drop(answer);
}

#[tokio::test]
async fn nobody_has_to_open_a_window_for_an_answer_to_end() {
    let (stack, script) = stack(&[TLS]).await;
    eventually(|| stack.world.revocations.receiver_count() > 0).await;
    let mut two = Two::open(&stack).await;
    let answer = two.ask("/plugins/a/flood").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(script.gone.load(Ordering::SeqCst), 0);
    stack.world.revoked.store(true, Ordering::SeqCst);
    stack.world.revocations.send(WatchRevocationsResponse { everything: true, ..Default::default() }).unwrap();
    let started = Instant::now();
    eventually(|| script.gone.load(Ordering::SeqCst) == 1).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    drop(answer);
}

#[tokio::test]
async fn nobody_has_to_read_for_a_stream_of_events_to_end() {
    let (stack, _script) = stack(&[("HOMEPORT_GATEWAY__EVENTS__MAX_CLIENTS", "1")]).await;
    eventually(|| stack.world.revocations.receiver_count() > 0).await;
    let mut silent = Wire::open(&stack).await;
    silent.send("GET /events HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer good\r\n\r\n").await;
    assert_eq!(silent.answer(false).await.0, 200);
    let filling = serde_json::json!({ "filling": "x".repeat(64 << 10) }).to_string();
    for _ in 0..200 {
        stack.world.publish("update:container", &filling);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let open =
        async || stack.client.call(Method::GET, "/events").credential(Some("Bearer viewer")).open().await.status();
    assert_eq!(open().await, StatusCode::SERVICE_UNAVAILABLE);
    stack.world.revoked_credentials.lock().unwrap().push("Bearer good".to_owned());
    stack.world.revocations.send(WatchRevocationsResponse { everything: true, ..Default::default() }).unwrap();
    let started = Instant::now();
    while open().await != StatusCode::OK {
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(silent);
}
