//! Subscribers that do not read.

use std::time::{Duration, Instant};

use crate::{
    bus::{Bus, next, publish},
    soon,
};

/// Much more than sockets and HTTP/2 windows hold, in few enough events to be quick.
const EVENTS: usize = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_subscriber_delays_nobody_and_is_reported() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "64")]);
    let mut stalled = bus.subscribe("n").await;
    let (mut reader, mut reports) = (bus.subscribe("n").await, bus.subscribe("bus:dropped").await);
    let mut client = bus.client();
    let (padding, start) = ("x".repeat(2000), Instant::now());
    for n in 0..EVENTS {
        publish(&mut client, "n", &format!("{n}:{padding}")).await.unwrap();
        assert!(next(&mut reader).await.1.starts_with(&format!("{n}:")), "the one who reads misses nothing");
    }
    // A wait for the stalled one, such as other buses' 100 ms, would add up to minutes.
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let (_, report) = next(&mut reports).await;
    assert!(report.contains(r#""prefix":"n""#), "{report}");

    // The oldest are still there, in order and without a gap; the newest are lost.
    let mut kept = 0;
    while let Ok(Ok(Some(message))) = tokio::time::timeout(Duration::from_millis(500), stalled.message()).await {
        assert!(message.value.starts_with(&format!("{kept}:")), "{}", &message.value[..10]);
        kept += 1;
    }
    assert!((64..EVENTS).contains(&kept), "{kept}");
    bus.publish("n", "again").await;
    assert_eq!(next(&mut stalled).await.1, "again", "who reads again gets events again");
}

#[tokio::test]
async fn a_subscriber_that_left_costs_nothing() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "1")]);
    let mut reports = bus.subscribe("bus:dropped").await;
    for _ in 0..20 {
        drop(bus.subscribe("n").await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut client = bus.client();
    for n in 0..50 {
        publish(&mut client, "n", &n.to_string()).await.unwrap();
    }
    let report = tokio::time::timeout(Duration::from_millis(300), reports.message()).await;
    assert!(report.is_err(), "an event was queued for someone who left: {report:?}");
}

#[tokio::test]
async fn silent_connections_stay() {
    let bus = Bus::start();
    let silent = tokio::net::UnixStream::connect(bus.socket()).await.unwrap();
    let mut events = bus.subscribe("a").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    bus.publish("a", "1").await;
    assert_eq!(next(&mut events).await.1, "1");
    let closed = soon(async { silent.try_read(&mut [0; 64]) }).await;
    // The server may have said its HTTP/2 settings; what matters is that it has not hung up.
    assert!(!matches!(closed, Ok(0)), "{closed:?}");
}
