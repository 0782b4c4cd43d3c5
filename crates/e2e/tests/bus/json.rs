//! One JSON object a line, on the same socket.

use std::{io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use crate::{
    bus::{Bus, MAX_EVENT_BYTES, next},
    soon,
};

/// A connection that speaks lines.
struct Client(BufReader<UnixStream>);

impl Client {
    async fn connect(bus: &Bus) -> Self {
        Self(BufReader::new(UnixStream::connect(bus.socket()).await.unwrap()))
    }

    /// A subscriber whose subscription stands. Nothing confirms it, so events are published until one arrives.
    async fn subscribe(bus: &Bus, prefix: &str) -> Self {
        let mut client = Self::connect(bus).await;
        client.say(&format!(r#"{{"topic":"subscribe:{prefix}","value":""}}"#)).await;
        let ready = async {
            loop {
                bus.publish(&format!("{prefix}:ready"), "").await;
                if tokio::time::timeout(Duration::from_millis(20), client.0.fill_buf()).await.is_ok() {
                    break;
                }
            }
        };
        soon(ready).await;
        client
    }

    async fn say(&mut self, line: &str) {
        soon(self.0.write_all(format!("{line}\n").as_bytes())).await.unwrap();
    }

    /// The next line that does not come from waiting for the subscription; empty at the end.
    async fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            soon(self.0.read_line(&mut line)).await.unwrap();
            if !line.contains(":ready") {
                return line;
            }
        }
    }
}

#[tokio::test]
async fn events_cross_between_the_protocols() {
    let bus = Bus::start();
    let mut lines = Client::subscribe(&bus, "a").await;
    let mut grpc = bus.subscribe("a").await;
    let mut publisher = Client::connect(&bus).await;
    publisher.say(r#"{"topic":"a:b","value":"{\"k\":1}"}"#).await;
    assert_eq!(next(&mut grpc).await, ("a:b".to_owned(), r#"{"k":1}"#.to_owned()));
    assert_eq!(lines.hear().await, "{\"topic\":\"a:b\",\"value\":\"{\\\"k\\\":1}\"}\n");
    bus.publish("a:c", "7").await;
    assert_eq!(lines.hear().await, "{\"topic\":\"a:c\",\"value\":\"7\"}\n");
}

#[tokio::test]
async fn every_value_crosses_both_ways_as_it_is() {
    let bus = Bus::start();
    let (mut lines, mut grpc) = (Client::subscribe(&bus, "x").await, bus.subscribe("x:").await);
    let mut publisher = Client::connect(&bus).await;
    let long = "é\u{0}\u{1f600}".repeat(5000);
    let values = [
        r#"{"k":[1,"x"]}"#,
        r#"[{"x":1}]"#,
        r#""s{""#,
        "7",
        "null",
        "",
        "a\u{0}b",
        "\u{1f}\n\r\t\\\"/<>&",
        "é漢😀",
        &long,
    ];
    for value in values {
        bus.publish("x:é", value).await;
        let expected = ("x:é".to_owned(), value.to_owned());
        assert_eq!(next(&mut grpc).await, expected);
        let line: serde_json::Value = serde_json::from_str(&lines.hear().await).unwrap();
        assert_eq!(line, serde_json::json!({ "topic": "x:é", "value": value }));
        // Escaped as far as JSON lets one.
        let escaped: Vec<_> = value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let escaped = escaped.concat();
        publisher.say(&format!(r#"{{"topic":"x:\u00e9","value":"{escaped}"}}"#)).await;
        assert_eq!(next(&mut grpc).await, expected);
        let line: serde_json::Value = serde_json::from_str(&lines.hear().await).unwrap();
        assert_eq!(line["value"], value);
    }
}

#[tokio::test]
async fn a_value_that_is_no_string_becomes_its_text_and_no_longer() {
    let bus = Bus::start();
    let (mut lines, mut grpc) = (Client::subscribe(&bus, "x").await, bus.subscribe("x:").await);
    let mut publisher = Client::connect(&bus).await;
    // Written out, each of these numbers is four times as long, and all of them are more than a reader takes.
    let numbers = format!("[{}]", vec!["1e15"; 800_000].join(","));
    publisher.say(&format!(r#"{{"topic":"x:y","value":{numbers}}}"#)).await;
    assert!(next(&mut grpc).await.1 == numbers);
    publisher.say(r#"{"topic":"x:y","value":{ "b": 1.10, "a": 12345678901234567890123 }}"#).await;
    let text = r#"{"b":1.10,"a":12345678901234567890123}"#;
    assert_eq!(next(&mut grpc).await.1, text);
    let line: serde_json::Value = serde_json::from_str(&lines.hear().await).unwrap();
    assert_eq!(line["value"], text);
}

#[tokio::test]
async fn lines_may_come_byte_by_byte_and_many_at_once() {
    let bus = Bus::start();
    let mut events = bus.subscribe("a").await;
    let mut client = Client::connect(&bus).await;
    for byte in b" {\"topic\":\"a\",\"value\":\"\xc3\xa9\"}\r\n" {
        client.0.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(next(&mut events).await.1, "é");
    let many: Vec<_> = (0..1000).map(|n| format!("{{\"topic\":\"a\",\"value\":\"{n}\"}}\r\n\n")).collect();
    client.0.write_all(many.concat().as_bytes()).await.unwrap();
    for n in 0..1000 {
        assert_eq!(next(&mut events).await.1, n.to_string());
    }
}

#[tokio::test]
async fn the_topic_alone_is_matched() {
    let bus = Bus::start();
    let mut lines = Client::subscribe(&bus, "a:").await;
    for topic in ["a", "ab", "a:b"] {
        bus.publish(topic, "{}").await;
    }
    assert_eq!(lines.hear().await, "{\"topic\":\"a:b\",\"value\":\"{}\"}\n");
}

#[tokio::test]
async fn a_publisher_may_be_silent_talk_nonsense_and_subscribe_later() {
    let bus = Bus::start();
    let mut events = bus.subscribe("p").await;
    let mut client = Client::connect(&bus).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    for line in ["  ", r#"{"topic":"p:1","value":{"x":1}}"#, "nonsense", "[]", "{\"TOPIC\":\"p:2\"}\r"] {
        client.say(line).await;
    }
    assert_eq!(next(&mut events).await, ("p:1".to_owned(), r#"{"x":1}"#.to_owned()));
    assert_eq!(next(&mut events).await, ("p:2".to_owned(), String::new()));
    client.say(r#"{"topic":"subscribe:q"}"#).await;
    client.say(r#"{"topic":"p:3","value":"ignored from here on"}"#).await;
    let received = async {
        let mut line = String::new();
        let first = client.0.read_line(&mut line);
        tokio::pin!(first);
        while tokio::time::timeout(Duration::from_millis(20), &mut first).await.is_err() {
            bus.publish("q", "").await;
        }
    };
    soon(received).await;
    bus.publish("p:4", "").await;
    assert_eq!(next(&mut events).await.0, "p:4");
}

#[tokio::test]
async fn the_last_line_needs_no_newline() {
    let bus = Bus::start();
    let mut events = bus.subscribe("a").await;
    let mut client = Client::connect(&bus).await;
    client.0.write_all(br#"{"topic":"a","value":"1"}"#).await.unwrap();
    drop(client);
    assert_eq!(next(&mut events).await.1, "1");
}

#[tokio::test]
async fn long_lines_are_taken_up_to_4_mib_and_end_the_connection_beyond() {
    let bus = Bus::start();
    let mut events = bus.subscribe("a").await;
    let around = r#"{"topic":"a","value":""}"#.len() + 1;
    let line = |value: usize| format!(r#"{{"topic":"a","value":"{}"}}"#, "x".repeat(value));
    let mut client = Client::connect(&bus).await;
    client.say(&line(MAX_EVENT_BYTES - around)).await;
    assert_eq!(next(&mut events).await.1.len(), MAX_EVENT_BYTES - around);
    // The bus may hang up before everything is written.
    drop(soon(client.0.write_all(line(MAX_EVENT_BYTES - around + 1).as_bytes())).await);
    drop(soon(client.0.write_all(b"\n")).await);
    assert_eq!(soon(client.0.read_to_end(&mut Vec::new())).await.unwrap_or(0), 0);
    bus.publish("a", "after").await;
    assert_eq!(next(&mut events).await.1, "after");
}

#[tokio::test]
async fn an_event_that_no_line_can_hold_is_skipped_and_reported() {
    let bus = Bus::start();
    let (mut lines, mut reports) = (Client::subscribe(&bus, "a").await, bus.subscribe("bus:oversize").await);
    bus.publish("a:long", &"x".repeat(65_536)).await;
    bus.publish("a:short", "").await;
    assert_eq!(lines.hear().await, "{\"topic\":\"a:short\",\"value\":\"\"}\n");
    assert_eq!(next(&mut reports).await.1, r#"{"topic":"a:long","size":65542,"subscribers":1}"#);
}

#[tokio::test]
async fn a_stalled_subscriber_is_cut_off_and_delays_nobody() {
    let settings =
        [("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "8"), ("HOMEPORT_BUS__SUBSCRIBER__STALL_LIMIT_MS", "500")];
    let bus = Bus::start_with(&settings);
    let mut stalled = Client::subscribe(&bus, "a").await;
    let (mut events, mut log) = (bus.subscribe("a").await, bus.subscribe("log:bus").await);
    let mut client = bus.client();
    let value = "x".repeat(10_000);
    for _ in 0..200 {
        crate::bus::publish(&mut client, "a", &value).await.unwrap();
        next(&mut events).await;
    }
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let mut rest = Vec::new();
    soon(stalled.0.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.len() > 10_000, "what was written before is still there");
    let told =
        async { while !next(&mut log).await.1.contains(r#"{"level":"warning","msg":"a subscriber is cut off"#) {} };
    soon(told).await;
}

#[tokio::test]
async fn an_idle_subscriber_that_left_is_forgotten_and_one_that_only_listens_is_not() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__SUBSCRIBER__COUNT_MAX", "2")]);
    let mut listens = Client::subscribe(&bus, "b").await;
    listens.0.get_mut().shutdown().await.unwrap();
    for _ in 0..5 {
        drop(Client::subscribe(&bus, "a").await);
        // Its place is free again only once the bus has seen it leave.
        let free = async {
            while bus.client().subscribe_topic(homeport_proto::pubservice::String::default()).await.is_err() {}
        };
        soon(free).await;
    }
    bus.publish("b:c", "1").await;
    assert_eq!(listens.hear().await, "{\"topic\":\"b:c\",\"value\":\"1\"}\n");
}

#[tokio::test]
async fn what_is_neither_protocol_is_closed() {
    let bus = Bus::start();
    for (before, line) in ["GET / HTTP/1.1", "POST / HTTP/1.1", "PRO", "\u{0}"].into_iter().enumerate() {
        let mut client = Client::connect(&bus).await;
        client.say(line).await;
        assert_eq!(soon(client.0.read_to_end(&mut Vec::new())).await.unwrap_or(0), 0, "{line}");
        assert_eq!(bus.statistics().await.unknown_protocol, before as u64 + 1, "{line}");
    }
}

#[tokio::test]
async fn nothing_is_said_before_the_protocol_is_known() {
    let bus = Bus::start();
    let mut client = Client::connect(&bus).await;
    soon(client.0.write_all(b"PR")).await.unwrap();
    bus.publish("a", "1").await;
    assert!(client.0.get_ref().try_read(&mut [0; 64]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    soon(client.0.write_all(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n")).await.unwrap();
    let mut settings = [0; 9];
    soon(client.0.read_exact(&mut settings)).await.unwrap();
    assert_eq!(settings[3], 4, "a SETTINGS frame");
}

#[tokio::test]
async fn lines_end_with_what_was_queued_when_the_bus_stops() {
    let mut bus = Bus::start();
    let mut lines = Client::subscribe(&bus, "").await;
    bus.publish("a", "1").await;
    bus.begin_drain();
    assert_eq!(lines.hear().await, "{\"topic\":\"a\",\"value\":\"1\"}\n");
    assert!(lines.hear().await.starts_with("{\"topic\":\"service:bus:stopped\""));
    assert_eq!(lines.hear().await, "", "the connection ends");
    bus.wait();
}
