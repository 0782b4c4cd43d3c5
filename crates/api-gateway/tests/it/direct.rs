//! Plain questions to plugins, byte by byte: how they come, how they are answered, and who must not be taken in.

mod over;
mod stalled;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixListener, UnixStream},
    time::timeout,
};

use crate::stack::{PATIENCE, Stack, eventually};

/// What a plugin says at each of its paths, and whether it hangs up then.
const ANSWERS: [(&str, &str, bool); 15] = [
    ("/length", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole", false),
    (
        "/chunks",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nwho\r\n2\r\nle\r\n0\r\nt: 1\r\n\r\n",
        false,
    ),
    ("/end", "HTTP/1.1 200 OK\r\n\r\nwhole", true),
    ("/old", "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nwhole", true),
    ("/last", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nwhole", true),
    ("/nothing", "HTTP/1.1 204 No Content\r\n\r\n", false),
    ("/unchanged", "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\ncontent-length: 5\r\n\r\n", false),
    (
        "/early",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole",
        false,
    ),
    ("/half", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf", true),
    ("/refused", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", false),
    ("/both", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", false),
    (
        "/more",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwholeHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen",
        false,
    ),
    // What goes on and on: its end never comes.
    ("/events", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n", false),
    ("/part", "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\npart", false),
    ("/later", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", false),
];

/// A plugin, and what it saw.
#[derive(Debug, Default)]
struct Script {
    connections: AtomicUsize,
    gone: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

async fn stack(settings: &[(&str, &str)]) -> (Stack, Arc<Script>) {
    let stack = Stack::with_settings(settings).await;
    let (socket, path) = stack.plugin_socket("script");
    let (listener, script) = (UnixListener::bind(socket).unwrap(), Arc::new(Script::default()));
    let serving = Arc::clone(&script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serving.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream, Arc::clone(&serving)));
        }
    });
    stack.list_plugins(&[("a", &path)]).await;
    (stack, script)
}

async fn answer(mut stream: UnixStream, script: Arc<Script>) {
    while let Some(head) = head(&mut stream).await {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let is_head = head.starts_with("HEAD ");
        if path == "/flood" {
            flood(&mut stream).await;
            break;
        }
        script.heads.lock().unwrap().push(head);
        let Some((_, text, hangs_up)) = ANSWERS.into_iter().find(|(known, ..)| *known == path) else { continue };
        let end = if is_head { text.find("\r\n\r\n").unwrap() + 4 } else { text.len() };
        stream.write_all(&text.as_bytes()[..end]).await.unwrap();
        if hangs_up {
            return;
        }
    }
    script.gone.fetch_add(1, Ordering::SeqCst);
}

/// Says something for as long as somebody listens.
async fn flood(stream: &mut UnixStream) {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice();
    // Clients of HTTP/2 do not put up with many small pieces.
    let piece = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let mut said = stream.write_all(head).await;
    while said.is_ok() {
        said = stream.write_all(piece.as_bytes()).await;
    }
}

/// The head of what comes next. None: nothing comes.
async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

fn question(method: &str, path: &str) -> String {
    format!("{method} /plugins/a{path} HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer good\r\n\r\n")
}

/// A connection on which one answer after the other is read.
struct Wire(TcpStream);

impl Wire {
    async fn open(stack: &Stack) -> Self {
        Self(TcpStream::connect(stack.client.address()).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Status, head and body of the next answer.
    async fn answer(&mut self, has_body: bool) -> (u16, String, String) {
        let head = timeout(PATIENCE, head(&mut self.0)).await.expect("no answer").expect("no whole head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lower = head.to_ascii_lowercase();
        let mut body = String::new();
        if has_body && lower.contains("transfer-encoding: chunked") {
            loop {
                let size = usize::from_str_radix(&self.line().await, 16).unwrap();
                body += &self.exactly(size).await;
                assert_eq!(self.line().await, "");
                if size == 0 {
                    break;
                }
            }
        } else if has_body && let Some((_, rest)) = lower.split_once("content-length: ") {
            body = self.exactly(rest.split("\r\n").next().unwrap().parse().unwrap()).await;
        }
        (status, lower, body)
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(timeout(PATIENCE, self.0.read_u8()).await.unwrap().unwrap().into());
        }
        line.trim_end().to_owned()
    }

    async fn exactly(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        timeout(PATIENCE, self.0.read_exact(&mut bytes)).await.unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// All that still comes until the gateway hangs up.
    async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the connection stays open").unwrap_or_default();
        String::from_utf8(rest).unwrap()
    }
}

#[tokio::test]
async fn answers_of_all_kinds_come_over_one_connection() {
    let (stack, script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    for round in 0..2 {
        for path in ["/length", "/chunks", "/end", "/old", "/last", "/early", "/more"] {
            wire.send(&question("GET", path)).await;
            let (status, head, body) = wire.answer(true).await;
            assert_eq!((status, body.as_str()), (200, "whole"), "{path}: {head}");
            for line in ["x-frame-options: deny\r\n", "\r\ndate: ", "x-correlation-id: "] {
                assert_eq!(head.matches(line).count(), 1, "{line:?} of {path}: {head}");
            }
            assert!(!head.contains("link:") && !head.contains("connection:"), "{path}: {head}");
            assert!(!head.contains("access-control-"), "nobody of another origin asked: {head}");
        }
        wire.send(&question("GET", "/length").replacen("\r\n", "\r\nOrigin: null\r\n", 1)).await;
        let (_, head, _) = wire.answer(true).await;
        assert_eq!(head.matches("access-control-allow-origin: *\r\n").count(), 1, "{head}");
        for path in ["/nothing", "/unchanged"] {
            wire.send(&question("GET", path)).await;
            let (status, head, _) = wire.answer(false).await;
            assert_eq!(status, if path == "/nothing" { 204 } else { 304 }, "{head}");
            assert!(!head.contains("transfer-encoding"), "{head}");
        }
        for path in ["/length", "/chunks", "/end"] {
            wire.send(&question("HEAD", path)).await;
            let (status, head, _) = wire.answer(false).await;
            assert_eq!(
                (status, head.contains("content-length: 5")),
                (200, path == "/length"),
                "{round} {path}: {head}"
            );
        }
    }
    assert!(script.connections.load(Ordering::SeqCst) < 24, "connections to the plugin are kept where they can be");
}

#[tokio::test]
async fn questions_that_come_together_are_answered_in_turn() {
    let (stack, _script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    let paths = ["/length", "/nothing", "/chunks", "/end"];
    let all: String = paths.into_iter().map(|path| question("GET", path)).collect();
    // The last one is not plain, and comes in two pieces.
    let status = "GET /status HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer good\r\nConnection: close\r\n\r\n";
    let (begin, end) = status.split_at(20);
    wire.send(&format!("{all}{begin}")).await;
    for path in paths {
        let (status, _, body) = wire.answer(path != "/nothing").await;
        assert_eq!(
            (status, body.is_empty()),
            (if path == "/nothing" { 204 } else { 200 }, path == "/nothing"),
            "{path}"
        );
    }
    wire.send(end).await;
    let (status, ..) = wire.answer(true).await;
    assert_eq!((status, wire.rest().await), (200, String::new()));
}

#[tokio::test]
async fn what_is_not_plain_goes_the_long_way_and_back() {
    let (stack, script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    for (text, expected) in [
        (question("GET", "/length"), 200),
        (question("GET", "/length").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"), 200),
        (question("POST", "/length").replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi"), 200),
        (question("GET", "/length").replace("Host: nas", "Host: a.plugins.spr.lan").replace("/plugins/a/", "/"), 200),
        (question("GET", "/length").replace("good", "bad"), 401),
        (question("GET", "//length"), 301),
        (question("GET", "/both"), 502),
        (question("GET", "/length"), 200),
    ] {
        wire.send(&text).await;
        let (status, head, body) = wire.answer(true).await;
        assert_eq!(status, expected, "{text}: {head}{body}");
        assert_eq!(status == 502, body.contains("plugin a"), "{body}");
    }
    let heads = script.heads.lock().unwrap().clone();
    assert!(heads.iter().all(|head| !head.to_ascii_lowercase().contains("authorization")), "{heads:#?}");
    assert_eq!(heads.iter().filter(|head| head.starts_with("GET /both ")).count(), 1, "it is not asked again");
}

#[tokio::test]
async fn no_second_request_is_smuggled_in() {
    let (stack, script) = stack(&[]).await;
    let smuggled = question("GET", "/smuggled");
    for line in [
        format!("Content-Length: {}", smuggled.len()),
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked", smuggled.len()),
        "Transfer-Encoding: chunked".to_owned(),
        "Transfer-Encoding : chunked".to_owned(),
        "Transfer-Encoding:\r\n chunked".to_owned(),
        "Content-Length: +0".to_owned(),
        "Content-Length: 0\r\nContent-Length: 9".to_owned(),
        "Host: other".to_owned(),
        "X: \0".to_owned(),
    ] {
        let mut wire = Wire::open(&stack).await;
        let request = question("GET", "/nothing").replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
        wire.send(&format!("{request}{smuggled}")).await;
        wire.0.shutdown().await.unwrap();
        let answers = wire.rest().await;
        assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{line}: {answers}");
        let heads = script.heads.lock().unwrap().clone();
        assert!(!heads.iter().any(|head| head.contains("smuggled")), "{line}: {heads:#?}");
    }
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let (stack, _script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    wire.send(&question("GET", "/half")).await;
    let all = wire.rest().await;
    assert!(all.ends_with("\r\n\r\nhalf") && all.contains("content-length: 50"), "{all}");
    assert_eq!(stack.client.get("/status").await.status, 200);
}

#[tokio::test]
async fn a_client_that_leaves_is_not_answered_any_more() {
    let (stack, script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    // The plugin never answers this.
    wire.send(&question("GET", "/never")).await;
    eventually(|| !script.heads.lock().unwrap().is_empty()).await;
    drop(wire);
    eventually(|| script.gone.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_connection_that_the_plugin_closed_is_not_used() {
    let (stack, script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    for path in ["/length", "/last", "/length", "/old", "/length"] {
        wire.send(&question("GET", path)).await;
        assert_eq!(wire.answer(true).await.0, 200, "{path}");
    }
    assert_eq!(script.heads.lock().unwrap().len(), 5, "nothing is asked twice");
}

#[tokio::test]
async fn what_a_plugin_refuses_is_in_the_record() {
    let (stack, _script) = stack(&[]).await;
    let mut wire = Wire::open(&stack).await;
    wire.send(&question("GET", "/refused")).await;
    assert_eq!(wire.answer(true).await.0, 403);
    eventually(|| {
        let entries = stack.world.audit.lock().unwrap();
        entries
            .iter()
            .any(|entry| entry.path == "/plugins/a/refused" && entry.status == 403 && !entry.request_id.is_empty())
    })
    .await;
}

#[tokio::test]
async fn a_drain_ends_the_connection_after_its_answer() {
    let (stack, _script) = stack(&[]).await;
    let (mut silent, mut busy) = (Wire::open(&stack).await, Wire::open(&stack).await);
    for wire in [&mut silent, &mut busy] {
        wire.send(&question("GET", "/length")).await;
        assert_eq!(wire.answer(true).await.0, 200);
    }
    stack.drain.cancel();
    assert_eq!((silent.rest().await, busy.rest().await), (String::new(), String::new()));
}
