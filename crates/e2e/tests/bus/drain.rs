//! Stopping, and who may start.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    time::{Duration, Instant},
};

use tonic::Code;

use crate::{
    bus::{Bus, next, publish},
    soon,
};

#[tokio::test]
async fn streams_get_what_was_queued_and_end_well() {
    let mut bus = Bus::start();
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
    bus.wait();
}

#[tokio::test]
async fn a_stalled_subscriber_does_not_hold_up_the_drain() {
    let mut bus = Bus::start();
    let _stalled = bus.subscribe("n").await;
    let mut client = bus.client();
    let value = "x".repeat(100_000);
    for _ in 0..100 {
        publish(&mut client, "n", &value).await.unwrap();
    }
    let start = Instant::now();
    bus.stop();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_find_the_next_bus_on_the_same_socket() {
    let mut bus = Bus::start();
    let mut client = bus.client();
    publish(&mut client, "a", "1").await.unwrap();
    bus.stop();
    assert_eq!(publish(&mut client, "a", "2").await.unwrap_err().code(), Code::Unavailable);
    assert!(bus.socket().exists(), "the file stays, and is replaced");
    bus.restart();
    publish(&mut client, "a", "3").await.unwrap();
}

#[tokio::test]
async fn a_second_bus_is_refused_while_the_first_one_runs() {
    let mut bus = Bus::start();
    let status = bus.process().second().unwrap().wait().unwrap();
    assert!(!status.success(), "{status}");
    let log = std::fs::read_to_string(bus.process().log()).unwrap();
    assert!(log.contains("another process already listens"), "{log}");
    bus.publish("a", "the first one goes on").await;
}

#[tokio::test]
async fn the_socket_belongs_to_the_group_of_the_settings() {
    // Root may give a file to any group, and the tests run as root.
    let settings = [("HOMEPORT_BUS__SOCKET__GID", "12345"), ("HOMEPORT_BUS__SOCKET__MODE", "\"0660\"")];
    let metadata = std::fs::metadata(Bus::start_with(&settings).socket()).unwrap();
    assert_eq!((metadata.gid(), metadata.permissions().mode() & 0o777), (12345, 0o660));
}

#[tokio::test]
async fn every_user_may_connect_unless_the_settings_say_otherwise() {
    let mode = |bus: &Bus| std::fs::metadata(bus.socket()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&Bus::start()), 0o666);
    assert_eq!(mode(&Bus::start_with(&[("HOMEPORT_BUS__SOCKET__MODE", "\"0600\"")])), 0o600);
}
