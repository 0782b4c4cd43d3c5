//! `/plugins/…`

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixListener},
};

use crate::{
    plugin::{self, Plugin},
    stack::{PATIENCE, Stack},
};

/// A stack with plugins `a` and `a/b`.
async fn stack(settings: &[(&str, &str)]) -> (Stack, [Plugin; 2]) {
    let stack = Stack::with_settings(settings).await;
    let ((one, one_path), (two, two_path)) = (stack.plugin_socket("one"), stack.plugin_socket("two.sock"));
    let plugins = [plugin::start(&one, "one"), plugin::start(&two, "two")];
    stack.list_plugins(&[("a", &one_path), ("a/b", &two_path)]).await;
    (stack, plugins)
}

#[tokio::test]
async fn the_prefix_is_stripped_and_the_query_is_not_touched() {
    let (stack, _plugins) = stack(&[]).await;
    let cases = [
        ("/plugins/a/", "one", "/"),
        ("/plugins/a/x/y?z=1&&=;%zz", "one", "/x/y?z=1&&=;%zz"),
        ("/plugins/a/b/", "two", "/"),
        ("/plugins/a/b/c", "two", "/c"),
        ("/plugins/a/bc", "one", "/bc"),
        ("/plugins/a/x%2Fy%20z", "one", "/x/y%20z"),
        ("/plugins/a/caf%C3%A9", "one", "/caf%C3%A9"),
        ("/plugins/a/x/", "one", "/x/"),
    ];
    for (path, name, uri) in cases {
        let body = stack.client.get(path).await.json();
        assert_eq!((&body["plugin"], &body["uri"]), (&json!(name), &json!(uri)), "{path}");
    }
}

#[tokio::test]
async fn unclean_and_unslashed_paths_are_redirected() {
    let (stack, _plugins) = stack(&[]).await;
    let cases = [
        ("/plugins/a", "/plugins/a/"),
        ("/plugins/a?x=1", "/plugins/a/?x=1"),
        ("/plugins/a/b", "/plugins/a/b/"),
        ("/plugins/a//x?y=%20", "/plugins/a/x?y=%20"),
        ("/plugins/a/x/../y", "/plugins/a/y"),
        ("/plugins/a/%2e%2e/b/", "/plugins/b/"),
        ("//evil.example/", "/evil.example/"),
        ("/plugins/a/./x%20y", "/plugins/a/x%20y"),
    ];
    for (path, location) in cases {
        let answer = stack.client.get(path).await;
        assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{path}");
        assert_eq!(answer.header("location"), Some(location), "{path}");
    }
}

#[tokio::test]
async fn headers_go_through_and_credentials_do_not() {
    let (stack, _plugins) = stack(&[]).await;
    let body = stack
        .client
        .call(Method::POST, "/plugins/a/x")
        .header("content-type", "application/x-test")
        .header("accept", "text/html")
        .header("range", "bytes=0-1")
        .header("if-none-match", "\"1\"")
        .header("user-agent", "test/1")
        .header("cookie", "session=secret")
        .header("x-jwt-otp", "secret")
        .header("proxy-authorization", "secret")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "for=6.6.6.6")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1")
        .body("hello")
        .send()
        .await
        .json();
    assert_eq!((&body["method"], &body["body_start"]), (&json!("POST"), &json!("hello")));
    let headers = body["headers"].as_object().unwrap();
    let expected = [
        ("content-type", "application/x-test"),
        ("accept", "text/html"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"1\""),
        ("user-agent", "test/1"),
        ("content-length", "5"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/plugins/a"),
        ("host", &stack.client.address().to_string()),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers.contains_key("traceparent") && headers.contains_key("x-correlation-id"));
    for name in
        ["authorization", "cookie", "x-jwt-otp", "proxy-authorization", "x-hop", "x-forwarded-host", "forwarded"]
    {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert!(!body.to_string().contains("secret") && !body.to_string().contains("6.6.6.6"), "{body}");
}

#[tokio::test]
async fn the_gateways_headers_replace_the_plugins() {
    let (stack, _plugins) = stack(&[]).await;
    let answer = stack.client.get("/plugins/a/framed").await;
    assert_eq!(answer.values("x-frame-options"), ["DENY"]);
    assert_eq!(answer.values("cache-control"), ["no-cache, no-store, must-revalidate"]);
    assert_eq!((answer.header("pragma"), answer.header("expires")), (Some("no-cache"), Some("0")));
    assert_eq!((answer.header("x-own"), answer.header("x-private")), (Some("1"), None));
    assert_eq!(answer.header("content-security-policy"), None, "a plugin's page has scripts of its own");
    let file = stack.client.get("/plugins/a/static/app.js").await;
    assert_eq!((file.values("cache-control"), file.values("x-frame-options")), (vec!["max-age=60"], vec!["DENY"]));
    let teapot = stack.client.get("/plugins/a/teapot").await;
    assert_eq!((teapot.status, teapot.text()), (StatusCode::IM_A_TEAPOT, "short and stout"));
}

#[tokio::test]
async fn every_method_is_forwarded() {
    let (stack, _plugins) = stack(&[]).await;
    for name in ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let method = Method::from_bytes(name.as_bytes()).unwrap();
        let body = stack.client.call(method, "/plugins/a/x").send().await.json();
        assert_eq!(body["method"], name);
    }
}

#[tokio::test]
async fn large_bodies_stream_through() {
    let (stack, _plugins) = stack(&[]).await;
    let body = stack.client.call(Method::PUT, "/plugins/a/x").body(vec![b'x'; 50 << 20]).send().await.json();
    assert_eq!(body["body_bytes"], 50 << 20);
}

#[tokio::test]
async fn too_large_bodies_do_not() {
    let (stack, _plugins) = stack(&[("HOMEPORT_GATEWAY__PLUGINS__MAX_BODY_BYTES", "1000")]).await;
    let answer = stack.client.call(Method::PUT, "/plugins/a/x").body(vec![b'x'; 1001]).send().await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut stream = TcpStream::connect(stack.client.address()).await.unwrap();
    let head =
        "PUT /plugins/a/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer good\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}7d0\r\n{}\r\n", "x".repeat(2000)).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413", "chunked bodies have no length to look at first");
}

#[tokio::test]
async fn pieces_arrive_when_they_are_sent() {
    let (stack, _plugins) = stack(&[]).await;
    let started = Instant::now();
    let mut body = stack.client.call(Method::GET, "/plugins/a/drip").open().await.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    assert!(started.elapsed() < Duration::from_millis(400), "the first piece waited for the second");
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_dead_plugin_is_named() {
    let (stack, plugins) = stack(&[]).await;
    assert_eq!(stack.client.get("/plugins/a/x").await.status, StatusCode::OK);
    drop(plugins);
    let (socket, path) = stack.plugin_socket("gone");
    stack.list_plugins(&[("a", &stack.plugin_socket("one").1), ("gone", &path)]).await;
    for (path, name) in [("/plugins/a/x", "a"), ("/plugins/gone/", "gone")] {
        let answer = stack.client.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{path}");
        assert!(answer.text().contains(&format!("plugin {name}")), "{}", answer.text());
    }
    let _back = plugin::start(&socket, "back");
    assert_eq!(stack.client.get("/plugins/gone/").await.status, StatusCode::OK, "a plugin that came back is served");
}

#[tokio::test]
async fn a_silent_plugin_is_given_up() {
    let (stack, _plugins) = stack(&[("HOMEPORT_GATEWAY__PLUGINS__HEADER_TIMEOUT_MS", "200")]).await;
    let answer = stack.client.get("/plugins/a/silent").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(answer.text().contains("plugin a"), "{}", answer.text());
    let drip = stack.client.get("/plugins/a/drip").await;
    assert_eq!(drip.text(), "onetwo", "a body may take as long as it takes");
}

#[tokio::test]
async fn nothing_that_acts_is_sent_twice() {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("flaky");
    let listener = UnixListener::bind(&socket).unwrap();
    let (sender, mut requests) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).await.unwrap_or_default();
            // Reads the request, then hangs up.
            sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).await.unwrap();
        }
    });
    stack.list_plugins(&[("flaky", &path)]).await;
    assert_eq!(stack.client.post("/plugins/flaky/x", "1").await.status, StatusCode::BAD_GATEWAY);
    assert!(requests.recv().await.unwrap().starts_with("POST /x"));
    assert!(requests.try_recv().is_err(), "a POST was sent twice");
    assert_eq!(stack.client.get("/plugins/flaky/x").await.status, StatusCode::BAD_GATEWAY);
    assert!(requests.recv().await.unwrap().starts_with("GET /x"));
    assert!(requests.recv().await.unwrap().starts_with("GET /x"), "a question may be asked again, once");
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_link_does_not_lead_outside() {
    let stack = Stack::start().await;
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("outside.sock");
    let _plugin = plugin::start(&target, "outside");
    let (socket, path) = stack.plugin_socket("link");
    std::os::unix::fs::symlink(&target, &socket).unwrap();
    stack.list_plugins(&[("link", &path)]).await;
    assert_eq!(stack.client.get("/plugins/link/").await.status, StatusCode::BAD_GATEWAY);
    assert!(!stack.state().join("outside.sock").exists());
}

async fn open_socket(stack: &Stack, extra: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(stack.client.address()).await.unwrap();
    let request = format!(
        "GET /plugins/a/socket HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer good\r\nconnection: keep-alive, Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-key: k\r\nsec-websocket-version: 13\r\n{extra}\r\n",
        stack.client.address(),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("no answer").unwrap();
        head.push(byte);
    }
    (stream, String::from_utf8(head).unwrap().to_lowercase())
}

async fn echo(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = vec![0; text.len()];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_websocket_goes_through() {
    let (stack, _plugins) = stack(&[]).await;
    let (mut stream, head) = open_socket(&stack, "").await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    for line in ["connection: upgrade", "upgrade: websocket", "sec-websocket-accept: k"] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    assert_eq!(echo(&mut stream, "hello").await, "HELLO");
    assert_eq!(echo(&mut stream, "again").await, "AGAIN");
}

#[tokio::test]
async fn a_foreign_page_opens_no_websocket() {
    let (stack, _plugins) = stack(&[]).await;
    let (_, head) = open_socket(&stack, "origin: http://evil.example\r\n").await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
}

#[tokio::test]
async fn websockets_are_bounded_and_end_with_their_credential() {
    let settings = [("HOMEPORT_GATEWAY__PLUGINS__MAX_TUNNELS", "1"), ("HOMEPORT_GATEWAY__AUTH__RECHECK_MS", "100")];
    let (stack, _plugins) = stack(&settings).await;
    let (mut first, _) = open_socket(&stack, "").await;
    let (_, head) = open_socket(&stack, "").await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert_eq!(echo(&mut first, "hello").await, "HELLO");
    stack.world.revoked.store(true, std::sync::atomic::Ordering::SeqCst);
    let end = tokio::time::timeout(PATIENCE, first.read(&mut [0; 1])).await.expect("the tunnel stayed open");
    assert!(matches!(end, Ok(0) | Err(_)));
}
