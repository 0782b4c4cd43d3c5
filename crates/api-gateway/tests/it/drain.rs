//! The end: what is under way is finished, what never ends is ended.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    plugin,
    stack::{PATIENCE, Stack, eventually},
};

async fn ended(stack: &mut Stack) -> Duration {
    let started = Instant::now();
    let serving = stack.serving.take().unwrap();
    tokio::time::timeout(PATIENCE, serving).await.expect("the gateway did not end").unwrap();
    started.elapsed()
}

#[tokio::test]
async fn requests_under_way_are_finished() {
    let mut stack = Stack::start().await;
    *stack.world.update_takes.lock().unwrap() = Duration::from_millis(500);
    let client = stack.client.clone();
    let request = tokio::spawn(async move { client.post("/api/update", r#"{"container_name":"web"}"#).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    stack.drain.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(stack.client.address()).await.is_err(), "nothing new is taken");
    assert_eq!(request.await.unwrap().status, StatusCode::OK);
    assert!(ended(&mut stack).await < Duration::from_secs(2));
}

#[tokio::test]
async fn idle_connections_and_streams_end_at_once() {
    let mut stack = Stack::start().await;
    let mut idle = TcpStream::connect(stack.client.address()).await.unwrap();
    let mut events = stack.client.call(Method::GET, "/api/events").open().await.into_body();
    assert!(events.frame().await.unwrap().is_ok());
    stack.drain.cancel();
    let rest = tokio::time::timeout(PATIENCE, events.collect()).await.unwrap();
    assert!(rest.is_ok(), "the stream ends as a stream should, not broken off");
    assert!(matches!(tokio::time::timeout(PATIENCE, idle.read(&mut [0; 1])).await.unwrap(), Ok(0) | Err(_)));
    assert!(ended(&mut stack).await < Duration::from_secs(1));
}

#[tokio::test]
async fn websockets_close() {
    let mut stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    let mut tunnel = TcpStream::connect(stack.client.address()).await.unwrap();
    let request = "GET /plugins/a/socket HTTP/1.1\r\nhost: a\r\nauthorization: Bearer good\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\n\r\n";
    tunnel.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    tunnel.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    stack.drain.cancel();
    let end = tokio::time::timeout(PATIENCE, tunnel.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "the tunnel stayed open");
    assert!(ended(&mut stack).await < Duration::from_secs(1));
}

#[tokio::test]
async fn the_drain_has_an_end() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__HTTP__DRAIN_LIMIT_MS", "300")]).await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    let client = stack.client.clone();
    tokio::spawn(async move { client.call(Method::GET, "/plugins/a/silent").open().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stack.drain.cancel();
    let started = Instant::now();
    eventually(|| stack.stopped.load(Ordering::SeqCst)).await;
    assert!(started.elapsed() < Duration::from_secs(2));
}
