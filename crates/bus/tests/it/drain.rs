//! Stopping, and who may start.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use tonic::Code;

use crate::{
    bus::{Bus, next, publish},
    soon,
};

#[tokio::test]
async fn streams_get_what_was_queued_and_end_well() {
    let mut bus = Bus::start().await;
    let mut events = bus.subscribe("").await;
    for n in 0..100 {
        bus.publish("n", &n.to_string()).await;
    }
    bus.begin_drain();
    for n in 0..100 {
        assert_eq!(next(&mut events).await.1, n.to_string());
    }
    assert_eq!(next(&mut events).await.0, "service:bus:stopped");
    assert_eq!(soon(events.message()).await.unwrap(), None, "the stream ends with OK");
    bus.stop().await;
}

#[tokio::test]
async fn a_stalled_subscriber_does_not_hold_up_the_drain() {
    let mut bus = Bus::start().await;
    let _stalled = bus.subscribe("n").await;
    let mut client = bus.client();
    let value = "x".repeat(100_000);
    for _ in 0..100 {
        publish(&mut client, "n", &value).await.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(3), bus.stop()).await.unwrap();
}

#[tokio::test]
async fn clients_find_the_next_bus_on_the_same_socket() {
    let mut bus = Bus::start().await;
    let mut client = bus.client();
    publish(&mut client, "a", "1").await.unwrap();
    bus.stop().await;
    assert_eq!(publish(&mut client, "a", "2").await.unwrap_err().code(), Code::Unavailable);
    assert!(bus.socket().exists(), "the file stays, and is replaced");
    bus.restart().await;
    publish(&mut client, "a", "3").await.unwrap();
}

#[tokio::test]
async fn a_second_bus_is_refused_while_the_first_one_runs() {
    let bus = Bus::start().await;
    let error = soon(bus.spawn(&[])).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("another process already listens"), "{error}");
}

#[tokio::test]
async fn every_user_may_connect_unless_the_settings_say_otherwise() {
    let mode = |bus: &Bus| std::fs::metadata(bus.socket()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&Bus::start().await), 0o666);
    assert_eq!(mode(&Bus::start_with(&[("HOMEPORT_BUS__SOCKET__MODE", "\"0600\"")]).await), 0o600);
}
