//! Publisher and readers against the bus itself, in this process.

use std::time::{Duration, SystemTime};

use futures::{StreamExt as _, stream::BoxStream};
use homeport_bus_client::{Cursor, Event, MAX_EVENT_BYTES, Notice, Publisher, Replay, subscribe_from, watch};
use homeport_service::{StartError, run_all};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Place, event, soon};

/// The bus over the directory of a place.
struct Bus {
    drain: CancellationToken,
    running: JoinHandle<Result<(), StartError>>,
}

impl Bus {
    #[expect(clippy::disallowed_methods, reason = "the test itself waits for it")]
    async fn start(place: &Place) -> Self {
        let (paths, environment) = (place.context.paths().clone(), place.context.environment().clone());
        let drain = CancellationToken::new();
        let running = tokio::spawn(run_all(vec![homeport_bus::entry()], paths, environment, drain.clone()));
        let socket = place.socket();
        let up = async {
            while std::os::unix::net::UnixStream::connect(&socket).is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon(up).await;
        Self { drain, running }
    }

    async fn stop(self) {
        self.drain.cancel();
        soon(self.running).await.unwrap().unwrap();
    }
}

fn follow(place: &Place, prefixes: &[&str], cursor: Cursor) -> BoxStream<'static, Replay> {
    subscribe_from(place.socket(), prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(), cursor)
}

/// The next event, past everything else.
async fn next(events: &mut BoxStream<'static, Replay>) -> (u64, String, String) {
    loop {
        if let Replay::Event(event) = soon(events.next()).await.unwrap() {
            return (event.id, event.topic, event.value);
        }
    }
}

async fn values(events: &mut BoxStream<'static, Replay>, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        values.push(next(events).await.2);
    }
    values
}

async fn deliver(publisher: &Publisher, topic: &str, values: std::ops::Range<u32>) {
    for value in values {
        soon(publisher.deliver(topic, value.to_string())).await.unwrap();
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn what_was_delivered_is_kept() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    assert!(soon(publisher.deliver("app:a", "{}")).await.unwrap_err().is_retryable(), "there is no bus yet");
    let bus = Bus::start(&place).await;
    soon(publisher.deliver("app:a", "not\u{0}json: \u{e9}")).await.unwrap();
    bus.stop().await;
    let _bus = Bus::start(&place).await;
    let mut events = follow(&place, &["app:"], Cursor::Earliest);
    let (id, topic, value) = next(&mut events).await;
    assert!(id > 0);
    assert_eq!((topic.as_str(), value.as_str()), ("app:a", "not\u{0}json: \u{e9}"));
}

#[tokio::test]
async fn what_the_bus_never_takes_is_refused_for_good() {
    let place = Place::new();
    let _bus = Bus::start(&place).await;
    let publisher = Publisher::new(place.socket(), &place.context);
    let large = "x".repeat(MAX_EVENT_BYTES);
    let error = soon(publisher.deliver("app:large", large.clone())).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("app:large"), "{error}");
    soon(publisher.relay("app:large".to_owned(), &large.into())).await.expect("an outbox goes on behind it");
    soon(publisher.relay("app:small".to_owned(), &1.into())).await.unwrap();
    let mut events = follow(&place, &["app:"], Cursor::Earliest);
    assert_eq!(next(&mut events).await.1, "app:small");
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_over_restarts() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    let mut events = follow(&place, &["app:n"], Cursor::Earliest);
    assert!(matches!(soon(events.next()).await, Some(Replay::Lost(_))));
    let mut seen = Vec::new();
    for round in 0..3 {
        let bus = Bus::start(&place).await;
        deliver(&publisher, "app:n", round * 20..round * 20 + 10).await;
        seen.extend(values(&mut events, 5).await);
        deliver(&publisher, "app:n", round * 20 + 10..round * 20 + 20).await;
        deliver(&publisher, "app:other", 0..1).await;
        bus.stop().await;
    }
    let _bus = Bus::start(&place).await;
    while seen.len() < 60 {
        seen.extend(values(&mut events, 1).await);
    }
    deliver(&publisher, "app:n", 60..61).await;
    seen.extend(values(&mut events, 1).await);
    assert_eq!(seen, numbers(0..61), "each once, in order");
}

#[tokio::test]
async fn a_reader_begins_where_it_wants() {
    let place = Place::new();
    let _bus = Bus::start(&place).await;
    let publisher = Publisher::new(place.socket(), &place.context);
    deliver(&publisher, "app:n", 0..3).await;
    let mut all = follow(&place, &["app:"], Cursor::Earliest);
    let first = next(&mut all).await.0;
    assert_eq!(values(&mut all, 2).await, numbers(1..3));
    // An event has the time when the bus took it, to the millisecond.
    let before = millis();
    while millis() <= before {
        tokio::task::yield_now().await;
    }
    let now = millis();
    deliver(&publisher, "app:n", 3..5).await;
    assert_eq!(values(&mut follow(&place, &["app:"], Cursor::After(first)), 4).await, numbers(1..5));
    assert_eq!(values(&mut follow(&place, &["app:"], Cursor::Time(now)), 2).await, numbers(3..5));
    let mut live = follow(&place, &["app:x", "app:n"], Cursor::Live);
    assert_eq!(soon(live.next()).await, Some(Replay::Connected));
    deliver(&publisher, "app:other", 9..10).await;
    deliver(&publisher, "app:n", 5..6).await;
    assert_eq!(values(&mut live, 1).await, numbers(5..6));
}

#[tokio::test]
async fn the_largest_event_can_be_received() {
    let place = Place::new();
    let _bus = Bus::start(&place).await;
    let publisher = Publisher::new(place.socket(), &place.context);
    // Two keys, two lengths: 5 bytes for the topic's and 2, 4 more for the value's.
    let largest = "x".repeat(MAX_EVENT_BYTES - "app:large".len() - 7);
    soon(publisher.deliver("app:large", largest.clone())).await.unwrap();
    soon(publisher.deliver("app:large", largest + "x")).await.unwrap_err();
    deliver(&publisher, "app:next", 1..2).await;
    let mut events = follow(&place, &["app:"], Cursor::Earliest);
    assert_eq!(next(&mut events).await.1, "app:large");
    assert_eq!(next(&mut events).await.1, "app:next");
}

#[tokio::test]
async fn events_that_need_no_answer_arrive_too() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    publisher.publish("a:before", &1);
    let mut notices = watch(place.socket(), "a:".to_owned());
    assert!(matches!(soon(notices.next()).await, Some(Notice::Lost(_))));
    let bus = Bus::start(&place).await;
    assert_eq!(soon(notices.next()).await, Some(Notice::Connected));
    publisher.publish("a:after", &serde_json::json!({ "n": 2 }));
    let next: Event = loop {
        match soon(notices.next()).await.unwrap() {
            // It may have been out before this reader was in.
            Notice::Event(before) if before.topic == "a:before" => {}
            Notice::Event(event) => break event,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(next, event("a:after", r#"{"n":2}"#));
    bus.stop().await;
    assert_eq!(publisher.dropped(), 0);
}

fn millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "compared with the time of the bus, which is the system's")]
    let now = SystemTime::now();
    i64::try_from(now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
