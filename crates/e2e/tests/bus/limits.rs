//! Sizes and numbers.

use homeport_proto::pubservice;
use tonic::Code;

use crate::{
    bus::{Bus, MAX_EVENT_BYTES, next, publish},
    soon,
};

/// Bytes of encoding around a value of about 4 MiB under a topic of one letter.
const AROUND: usize = 3 + 5;

#[tokio::test]
async fn an_event_of_exactly_4_mib_goes_through() {
    let bus = Bus::start();
    let mut events = bus.subscribe("a").await;
    let value = "x".repeat(MAX_EVENT_BYTES - AROUND);
    bus.publish("a", &value).await;
    assert_eq!(next(&mut events).await.1.len(), value.len());
}

#[tokio::test]
async fn one_byte_more_is_refused_with_both_numbers() {
    let bus = Bus::start();
    let mut client = bus.client();
    let value = "x".repeat(MAX_EVENT_BYTES - AROUND + 1);
    let status = publish(&mut client, "a", &value).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("4194305") && status.message().contains("4194304"), "{}", status.message());
    publish(&mut client, "a", "{}").await.expect("the connection goes on");
}

#[tokio::test]
async fn a_joined_event_that_became_too_large_is_left_out() {
    let bus = Bus::start();
    let mut events = soon(bus.client().subscribe(pubservice::String::default())).await.unwrap().into_inner();
    // Without a topic the encoding is three bytes shorter, and joined the colon is one byte more.
    bus.publish("", &"x".repeat(MAX_EVENT_BYTES - AROUND + 3)).await;
    assert!(next(&mut events).await.1.starts_with("bus:oversize:"));
    bus.publish("a", "{}").await;
    // The bus logs what it reports.
    while next(&mut events).await.1 != "a:{}" {}
}

#[tokio::test]
async fn more_subscriptions_than_allowed_are_refused_until_one_ends() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__SUBSCRIBER__COUNT_MAX", "2")]);
    let (first, _second) = (bus.subscribe("a").await, bus.subscribe("a").await);
    let status = soon(bus.client().subscribe_topic(pubservice::String::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("subscriber.count_max"), "{}", status.message());
    drop(first);
    // The connection has to be seen closing first.
    soon(async { while bus.client().subscribe_topic(pubservice::String::default()).await.is_err() {} }).await;
}
