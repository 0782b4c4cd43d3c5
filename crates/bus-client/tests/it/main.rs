//! Publisher and subscriber against a bus in this process that comes and goes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fake_bus;
mod obstacle;
mod real_bus;

use std::{path::PathBuf, time::Duration};

use futures::StreamExt as _;
use homeport_bus_client::{Event, Notice, Publisher, QUEUE_EVENTS, subscribe, watch};
use homeport_service::{Context, Paths, config::Environment};
use tokio_util::sync::CancellationToken;

use crate::fake_bus::FakeBus;

/// A context whose bus is not running yet.
struct Place {
    context: Context,
    _directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
        let context = Context::new("test", paths, Environment::default(), CancellationToken::new());
        Self { context, _directory: directory }
    }

    fn socket(&self) -> PathBuf {
        self.context.paths().socket("bus")
    }
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("this takes far less than 10 s")
}

fn event(topic: &str, value: &str) -> Event {
    Event { topic: topic.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn events_that_were_published_before_the_bus_started_arrive_in_order() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    for n in 0..10 {
        publisher.publish("a:b", &n);
    }
    let mut bus = FakeBus::start(&place.socket());
    for n in 0..10 {
        assert_eq!(soon(bus.published()).await, event("a:b", &n.to_string()));
    }
    assert_eq!(publisher.dropped(), 0);
}

#[tokio::test]
async fn a_full_queue_drops_the_newest_and_counts_them() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    // Nothing is polled in between, so the task has not taken one out yet.
    for n in 0..QUEUE_EVENTS + 5 {
        publisher.publish("n", &n);
    }
    assert_eq!(publisher.dropped(), 5);
    let mut bus = FakeBus::start(&place.socket());
    for n in 0..QUEUE_EVENTS {
        assert_eq!(soon(bus.published()).await.value, n.to_string());
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_is_dropped_and_the_next_goes_through() {
    let place = Place::new();
    let mut bus = FakeBus::start(&place.socket());
    let publisher = Publisher::new(place.socket(), &place.context);
    publisher.publish("large", &"x".repeat(homeport_bus_client::MAX_EVENT_BYTES));
    publisher.publish("small", &1);
    assert_eq!(soon(bus.published()).await, event("small", "1"));
    assert_eq!(publisher.dropped(), 1);
}

#[tokio::test]
async fn delivery_reports_an_absent_bus_and_succeeds_later() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    let error = soon(publisher.deliver("a", "{}")).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let mut bus = FakeBus::start(&place.socket());
    soon(publisher.deliver("a", "{}")).await.unwrap();
    assert_eq!(soon(bus.published()).await, event("a", "{}"));
}

#[tokio::test]
async fn a_subscription_survives_a_restart_of_the_bus() {
    let place = Place::new();
    let mut notices = watch(place.socket(), "a".to_owned());
    assert!(matches!(soon(notices.next()).await, Some(Notice::Lost(_))));
    for round in ["1", "2"] {
        let bus = FakeBus::start(&place.socket());
        assert_eq!(soon(notices.next()).await, Some(Notice::Connected));
        bus.send(event("a", round));
        assert_eq!(soon(notices.next()).await, Some(Notice::Event(event("a", round))));
        bus.stop().await;
        assert!(matches!(soon(notices.next()).await, Some(Notice::Lost(_))));
    }
}

#[tokio::test]
async fn subscribers_ask_for_their_prefix() {
    let place = Place::new();
    let bus = FakeBus::start(&place.socket());
    let mut events = subscribe(place.socket(), "update:".to_owned());
    bus.send_when_subscribed("update:", event("update:check", "{}"));
    assert_eq!(soon(events.next()).await, Some(event("update:check", "{}")));
}

#[tokio::test]
async fn the_drain_does_not_wait_for_a_bus_that_is_away() {
    let place = Place::new();
    let publisher = Publisher::new(place.socket(), &place.context);
    publisher.publish("a", &1);
    place.context.drain().cancel();
    drop(publisher);
    soon(place.context.wait_for_tasks()).await;
}

#[tokio::test]
async fn the_drain_lets_out_what_was_published() {
    let place = Place::new();
    let mut bus = FakeBus::start(&place.socket());
    let publisher = Publisher::new(place.socket(), &place.context);
    place.context.drain().cancel();
    publisher.publish("service:test:stopped", &1);
    drop(publisher);
    soon(place.context.wait_for_tasks()).await;
    assert_eq!(soon(bus.published()).await, event("service:test:stopped", "1"));
}
