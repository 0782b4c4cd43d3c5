//! Plugins that answer nonsense, half of something, or more than anybody wants: the client learns it, the gateway goes on.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
};

use crate::{plugin, stack::Stack};

/// A plugin that reads a request and answers these bytes, then hangs up.
fn answering(stack: &Stack, name: &str, bytes: Vec<u8>) -> String {
    let (socket, path) = stack.plugin_socket(name);
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                if stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                    drop(stream.write_all(&bytes).await);
                }
            });
        }
    });
    path
}

async fn check(answers: &[(&str, Vec<u8>)]) {
    let stack = Stack::start().await;
    let (socket, good) = stack.plugin_socket("good");
    let _good = plugin::start(&socket, "good");
    let mut list: Vec<(&str, String)> =
        answers.iter().map(|(name, bytes)| (*name, answering(&stack, name, bytes.clone()))).collect();
    list.push(("good", good));
    let list: Vec<(&str, &str)> = list.iter().map(|(name, path)| (*name, path.as_str())).collect();
    stack.list_plugins(&list).await;
    for (name, _) in answers {
        for method in [Method::GET, Method::POST] {
            let answer = stack.client.call(method, &format!("/plugins/{name}/x")).send().await;
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{name}");
            assert!(answer.text().contains(&format!("plugin {name}")), "{name}: {}", answer.text());
        }
        assert_eq!(stack.client.get("/plugins/good/").await.status, StatusCode::OK, "after {name}");
        assert_eq!(stack.client.get("/status").await.status, StatusCode::OK, "after {name}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_502_that_names_the_plugin() {
    let many = format!("x: {}\r\n", "y".repeat(1000)).repeat(1000);
    check(&[
        ("nothing", Vec::new()),
        ("nonsense", b"nonsense\r\n\r\n".to_vec()),
        ("binary", vec![0, 1, 2, 255, 254, b'\n', b'\n']),
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("half-line", b"HTTP/1.1 200".to_vec()),
        ("half-head", b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n".to_vec()),
        ("bad-status", b"HTTP/1.1 9999 OK\r\n\r\n".to_vec()),
        ("bad-header", b"HTTP/1.1 200 OK\r\nbad header: 1\r\n\r\n".to_vec()),
        ("nul-header", b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n".to_vec()),
        ("bad-length", b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx".to_vec()),
        ("two-lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy".to_vec()),
        (
            "uninvited-upgrade",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_vec(),
        ),
        ("endless-head", format!("HTTP/1.1 200 OK\r\n{many}").into_bytes()),
    ])
    .await;
}

#[tokio::test]
async fn half_a_body_is_half_a_body() {
    let stack = Stack::start().await;
    let answers: [(&str, &[u8]); 3] = [
        ("short", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"),
        ("chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n64\r\nand"),
        ("bad-chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\nzz\r\n"),
    ];
    let list: Vec<_> = answers.iter().map(|(name, bytes)| (*name, answering(&stack, name, bytes.to_vec()))).collect();
    let list: Vec<(&str, &str)> = list.iter().map(|(name, path)| (*name, path.as_str())).collect();
    stack.list_plugins(&list).await;
    for (name, _) in answers {
        let answer = stack.client.call(Method::GET, &format!("/plugins/{name}/x")).open().await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        assert!(answer.into_body().collect().await.is_err(), "{name}: nobody may take a half for the whole");
        assert_eq!(stack.client.get("/status").await.status, StatusCode::OK, "after {name}");
    }
}

#[tokio::test]
async fn what_comes_after_an_answer_belongs_to_nobody() {
    let stack = Stack::start().await;
    let answers =
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen".to_vec();
    let path = answering(&stack, "twice", answers);
    stack.list_plugins(&[("twice", &path)]).await;
    for _ in 0..4 {
        assert_eq!(
            stack.client.get("/plugins/twice/x").await.text(),
            "ok",
            "an answer that nobody asked for is dropped"
        );
    }
}
