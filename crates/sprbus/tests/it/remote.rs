//! `-addr`: the bus of another machine.

use std::{
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::Command,
};
use tokio_tungstenite::tungstenite::Message;

use crate::soon;

/// First line and last id of a request for the past.
type Asked = (String, Option<String>);

/// The double of an API: it knows the token `good`, and ends every second connection.
struct Api {
    address: String,
    posted: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Api {
    #[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api =
            Self { address: listener.local_addr().unwrap().to_string(), posted: Arc::default(), asked: Arc::default() };
        let (posted, asked) = (Arc::clone(&api.posted), Arc::clone(&api.asked));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut start = [0; 11];
                while stream.peek(&mut start).await.unwrap() < start.len() {}
                match &start {
                    b"POST /event" => post(stream, &posted).await,
                    b"GET /events" => past(stream, &asked).await,
                    _ => drop(tokio::spawn(websocket(stream))),
                }
            }
        });
        api
    }

    fn sprbus(&self, arguments: &[&str], token: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sprbus"));
        command
            .args(["-addr", &self.address])
            .args(arguments)
            .env_clear()
            .envs(token.map(|token| ("SPR_API_TOKEN", token)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str], token: Option<&str>) -> Output {
        soon(self.sprbus(arguments, token).output()).await.unwrap()
    }
}

async fn websocket(stream: TcpStream) {
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let credential = socket.next().await.unwrap().unwrap();
    if credential != Message::text("good") {
        socket.send(Message::text("Authentication failure")).await.unwrap();
        return;
    }
    socket.send(Message::text("success")).await.unwrap();
    for (topic, data) in [("a:b", r#"{"k":[1]}"#), ("hidden", "1"), ("a:c", "7")] {
        let frame = json!({ "Type": topic, "Data": data, "Notification": false, "WildcardAll": true });
        socket.send(Message::text(frame.to_string())).await.unwrap();
    }
    socket.send(Message::Ping("x".into())).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Pong(_)))));
    drop(socket.close(None).await);
}

async fn post(stream: TcpStream, posted: &Mutex<Vec<Value>>) {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let good =
        head.starts_with("POST /events HTTP/1.1") && head.to_lowercase().contains("authorization: bearer good\r\n");
    let answer =
        if good { "204 No Content\r\n\r\n" } else { "401 Unauthorized\r\ncontent-length: 13\r\n\r\nUnauthorized\n" };
    posted.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// Two events of the past and a gap; then the connection breaks. The second time it is one that is new.
async fn past(stream: TcpStream, asked: &Mutex<Vec<Asked>>) {
    let mut stream = BufReader::new(stream);
    let (mut head, mut line) = (Vec::new(), String::new());
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        head.push(line.trim_end().to_owned());
    }
    let value = |name: &str| {
        let mut values = head.iter().filter_map(|line| line.split_once(": "));
        values.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    if value("authorization").as_deref() != Some("Bearer good") {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno\n").await.unwrap();
        return;
    }
    let last = value("last-event-id");
    let events = if last.is_none() {
        "retry: 1000\nevent: connected\ndata: {}\n\nid: 7\ndata: {\"topic\":\"a:b\",\"value\":\"{\\\"k\\\":[1]}\",\
         \"time\":\"2026-01-02T03:04:05Z\"}\n\nevent: dropped\ndata: {\"count\":null,\"after_id\":7,\"last_id\":9,\
         \"reason\":\"lost\"}\n\n: keepalive\n\nid: 10\ndata: {\"topic\":\"a:b\",\"value\":\"2\",\"time\":null}\n\n\
         event: caught-up\ndata: {}\n\n"
    } else {
        "id: 11\ndata: {\"topic\":\"a:b\",\"value\":\"3\"}\n\n"
    };
    asked.lock().unwrap().push((head[0].clone(), last));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{head}{events}").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_past_comes_first_and_nothing_twice() {
    let api = Api::start().await;
    let arguments = ["-j", "-raw", "-t", "a:b,a:c", "-timeout", "0", "-since", "1h30m"];
    let mut child = api.sprbus(&arguments, Some("good")).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    for value in [r#"{"k":[1]}"#, "2", "3"] {
        let line = soon(lines.next_line()).await.unwrap();
        assert_eq!(line, Some(format!(r#"{{"Topic": "a:b", "Value": {value}}}"#)));
    }
    let said = soon(errors.next_line()).await.unwrap().unwrap();
    assert_eq!(said, "sprbus: events 8 to 9 may be missing: lost");
    assert!(soon(errors.next_line()).await.unwrap().unwrap().starts_with("sprbus: the bus is away"));
    assert_eq!(soon(errors.next_line()).await.unwrap().unwrap(), "sprbus: connected again");
    let asked = api.asked.lock().unwrap().clone();
    assert!(asked[0].0.starts_with("GET /events?since=540") && asked[0].0.ends_with("s&t=a%3A HTTP/1.1"), "{asked:?}");
    assert_eq!((asked[0].1.as_deref(), asked[1].1.as_deref()), (None, Some("10")));
}

#[tokio::test]
async fn events_come_and_go_on_after_a_lost_connection() {
    let api = Api::start().await;
    let mut child = api.sprbus(&["-j", "-raw", "-t", "a:", "-timeout", "0"], Some("good")).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..2 {
        for expected in [r#"{"Topic": "a:b", "Value": {"k":[1]}}"#, r#"{"Topic": "a:c", "Value": 7}"#] {
            assert_eq!(soon(lines.next_line()).await.unwrap().as_deref(), Some(expected));
        }
    }
    assert!(soon(errors.next_line()).await.unwrap().unwrap().starts_with("sprbus: the bus is away"));
    assert!(soon(errors.next_line()).await.unwrap().unwrap().starts_with("sprbus: connected again"));
}

#[tokio::test]
async fn the_time_is_up_with_success() {
    let api = Api::start().await;
    let output = api.run(&["-j", "-timeout", "1"], Some("good")).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test]
async fn without_a_good_token_it_ends_with_a_sentence() {
    let api = Api::start().await;
    for (token, arguments, expected) in [
        (None, &["-timeout", "0"][..], "set SPR_API_TOKEN"),
        (Some(""), &["-t", "a", "-p", "{}"], "set SPR_API_TOKEN"),
        (Some("bad"), &["-timeout", "0"], "refuses the token in SPR_API_TOKEN: Authentication failure"),
        (Some("bad"), &["-timeout", "0", "-since", "1h"], "refuses the token in SPR_API_TOKEN (403 Forbidden, no)"),
        (Some("bad"), &["-t", "a", "-p", "{}"], "401 Unauthorized, Unauthorized"),
    ] {
        let output = api.run(arguments, token).await;
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn publishing_works_from_afar() {
    let api = Api::start().await;
    let output = api.run(&["-t", "a:b", "-p", "{\"k\":1}"], Some("good")).await;
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert_eq!(*api.posted.lock().unwrap(), [json!({ "topic": "a:b", "value": "{\"k\":1}" })]);
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failure() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let api = Api { address, posted: Arc::default(), asked: Arc::default() };
    for arguments in [&["-j"][..], &["-t", "a", "-p", "{}"]] {
        let output = tokio::time::timeout(Duration::from_secs(10), api.run(arguments, Some("good"))).await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot connect to 127.0.0.1"), "{output:?}");
    }
}
