//! What a client cannot do to the gateway.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::stack::{PATIENCE, Stack};

/// Sends bytes and reads until the gateway closes.
async fn raw(stack: &Stack, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(stack.client.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    drop(read.expect("the gateway keeps the connection"));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn bodies_are_bounded() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__HTTP__MAX_BODY_BYTES", "1000")]).await;
    let body = format!(r#"{{"container_name":"{}"}}"#, "x".repeat(1000));
    let answer = stack.client.call(Method::POST, "/api/update").body(body).send().await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["error_code"], "TOO_LARGE");
}

#[tokio::test]
async fn slow_bodies_are_given_up() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__HTTP__BODY_TIMEOUT_MS", "100")]).await;
    let answer = raw(
        &stack,
        b"POST /api/update HTTP/1.1\r\nhost: a\r\nauthorization: Bearer good\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{",
    );
    assert!(answer.await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn slow_headers_are_given_up() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__HTTP__HEADER_TIMEOUT_MS", "100")]).await;
    let answer = raw(&stack, b"GET /healthz HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn large_headers_are_refused() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__HTTP__MAX_HEADER_BYTES", "8192")]).await;
    let request = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(9000));
    let answer = raw(&stack, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer:?}");
}

#[tokio::test]
async fn connections_are_bounded() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__HTTP__MAX_CONNECTIONS", "2")]).await;
    let first = TcpStream::connect(stack.client.address()).await.unwrap();
    let _second = TcpStream::connect(stack.client.address()).await.unwrap();
    // Time for both to be taken.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let third = stack.client.get("/healthz");
    tokio::pin!(third);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut third).await.is_err(), "the third one waits");
    drop(first);
    assert!(tokio::time::timeout(PATIENCE, third).await.is_ok(), "and is served when there is room");
}

/// An address of this machine that is none of its own to itself. None: it is in no network.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent; the kernel says from where it would be.
    socket.connect("192.0.2.254:9").ok()?;
    Some(socket.local_addr().unwrap().ip()).filter(|address| !address.is_loopback())
}

/// Whether a connection to an address is kept.
async fn is_kept(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(300), stream.read(&mut [0; 1])).await.is_err()
}

#[tokio::test]
async fn nobody_takes_all_connections() {
    let Some(outside) = outside() else { return };
    let listen = ("HOMEPORT_GATEWAY__SUPERVISOR__LISTEN", "[\"0.0.0.0:0\"]");
    let most = ("HOMEPORT_GATEWAY__HTTP__MAX_CONNECTIONS_PER_ADDRESS", "1");
    let stack = Stack::with_settings(&[listen, most]).await;
    let port = stack.supervisor[0].port();
    let open = async |address: IpAddr| TcpStream::connect(SocketAddr::new(address, port)).await.unwrap();
    let mut first = open(outside).await;
    assert!(is_kept(&mut first).await);
    assert!(!is_kept(&mut open(outside).await).await, "it has as many as it may");
    for _ in 0..3 {
        assert!(is_kept(&mut open([127, 0, 0, 1].into()).await).await, "this machine is no stranger");
    }
    drop(first);
    let again = async { while !is_kept(&mut open(outside).await).await {} };
    tokio::time::timeout(PATIENCE, again).await.expect("a connection that ended still counts");

    let proxies = format!("[\"{outside}\"]");
    let trusted = ("HOMEPORT_GATEWAY__HTTP__TRUSTED_PROXIES", proxies.as_str());
    let stack = Stack::with_settings(&[listen, most, trusted]).await;
    let port = stack.supervisor[0].port();
    let open = async || TcpStream::connect(SocketAddr::new(outside, port)).await.unwrap();
    let mut both = [open().await, open().await];
    assert!(is_kept(&mut both[0]).await && is_kept(&mut both[1]).await, "many are behind a proxy");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let stack = Stack::start().await;
    for (path, status) in [("/api/%00", 400), ("/api/%ff", 400), ("/plugins/%0d%0a", 400)] {
        assert_eq!(stack.client.get(path).await.status.as_u16(), status, "{path}");
    }
    let answer = raw(&stack, b"nonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer:?}");
}
