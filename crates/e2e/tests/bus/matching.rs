//! Who gets what, over the wire.

use homeport_proto::pubservice;

use crate::{
    bus::{Bus, next},
    soon,
};

/// Publishes under each topic, then a last event that everybody gets, and returns the topics that arrived before it.
async fn received(prefix: &str, topics: &[&str]) -> Vec<String> {
    let bus = Bus::start();
    let mut events = bus.subscribe(prefix).await;
    for topic in topics {
        bus.publish(topic, "{}").await;
    }
    bus.publish(prefix, "the end").await;
    let mut received = Vec::new();
    loop {
        let (topic, value) = next(&mut events).await;
        if value == "the end" {
            return received;
        }
        received.push(topic);
    }
}

#[tokio::test]
async fn topics_match_by_prefix_of_the_joined_text() {
    let topics = ["a", "a:b", "a:bc", "ab"];
    assert_eq!(received("", &topics).await, topics);
    assert_eq!(received("a", &topics).await, topics);
    assert_eq!(received("a:", &topics).await, ["a", "a:b", "a:bc"]);
    assert_eq!(received("a:b", &topics).await, ["a:b", "a:bc"]);
    assert_eq!(received("a:b:", &topics).await, ["a:b"]);
}

#[tokio::test]
async fn topic_and_value_arrive_as_published() {
    let bus = Bus::start();
    let (mut all, mut some) = (bus.subscribe("").await, bus.subscribe("a").await);
    for value in [r#"[{"x":1}]"#, r#""s{""#, "7", "", "é\n\0", "null"] {
        bus.publish("a:b", value).await;
        let expected = ("a:b".to_owned(), value.to_owned());
        assert_eq!(next(&mut all).await, expected);
        assert_eq!(next(&mut some).await, expected);
    }
}

#[tokio::test]
async fn subscribe_gets_everything_joined_whatever_it_asks_for() {
    let bus = Bus::start();
    let request = pubservice::String { topic: "ignored".to_owned(), value: String::new() };
    let mut events = soon(bus.client().subscribe(request)).await.unwrap().into_inner();
    bus.publish("a:b", "{}").await;
    assert_eq!(next(&mut events).await, (String::new(), "a:b:{}".to_owned()));
}

#[tokio::test]
async fn a_publisher_needs_no_subscriber_and_reads_an_empty_answer() {
    let bus = Bus::start();
    let message = pubservice::String { topic: "a".to_owned(), value: "{}".to_owned() };
    let answer = soon(bus.client().publish(message)).await.unwrap().into_inner();
    assert_eq!(answer, pubservice::String::default());
}
