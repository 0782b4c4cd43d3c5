//! Ids, cursors, groups and what is kept.

use homeport_proto::bus::v1::{
    AcknowledgeRequest, Cursor, Earliest, Event, GetStatisticsRequest, ListSubscribersRequest, ListTopicsRequest, Live,
    Protocol, PublishRequest, SubscribeGroupRequest, SubscribeRequest, SubscribeResponse, cursor::From, gap::Reason,
    subscribe_response::Message,
};
use tonic::{Code, Streaming};

use crate::{
    bus::{Bus, Replay},
    soon,
};

pub(crate) async fn store(client: &mut Replay, topic: &str, value: &str) -> u64 {
    let request = PublishRequest { topic: topic.to_owned(), value: value.to_owned() };
    soon(client.publish(request)).await.unwrap().into_inner().id
}

pub(crate) async fn follow(client: &mut Replay, prefix: &str, from: From) -> Streaming<SubscribeResponse> {
    let request = SubscribeRequest { prefixes: vec![prefix.to_owned()], cursor: Some(Cursor { from: Some(from) }) };
    soon(client.subscribe(request)).await.unwrap().into_inner()
}

pub(crate) async fn said(stream: &mut Streaming<SubscribeResponse>) -> Message {
    soon(stream.message()).await.unwrap().expect("the stream goes on").message.unwrap()
}

pub(crate) async fn event(stream: &mut Streaming<SubscribeResponse>) -> Event {
    loop {
        match said(stream).await {
            Message::Event(event) => return event,
            Message::CaughtUp(_) => {}
            Message::Gap(gap) => panic!("{gap:?}"),
        }
    }
}

#[tokio::test]
async fn ids_grow_over_a_restart_and_a_cursor_goes_on_where_it_was() {
    let mut bus = Bus::start();
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(store(&mut bus.replay(), "app:t", &n.to_string()).await);
    }
    let memory = store(&mut bus.replay(), "other", "x").await;
    bus.stop();
    bus.restart();
    ids.push(store(&mut bus.replay(), "app:t", "10").await);
    assert!(ids.is_sorted() && memory < ids[10], "{ids:?}");
    let mut stream = follow(&mut bus.replay(), "app:", From::AfterId(ids[3])).await;
    for (n, id) in ids.iter().enumerate().skip(4) {
        let event = event(&mut stream).await;
        assert_eq!((event.id, event.value), (*id, n.to_string()));
    }
    assert!(matches!(said(&mut stream).await, Message::CaughtUp(_)));
    let live = store(&mut bus.replay(), "app:t", "live").await;
    assert_eq!(event(&mut stream).await.id, live);
}

#[tokio::test]
async fn what_was_only_in_memory_is_a_gap_after_a_restart() {
    let mut bus = Bus::start();
    let first = store(&mut bus.replay(), "other", "1").await;
    bus.publish("other", "2").await;
    let mut stream = follow(&mut bus.replay(), "other", From::AfterId(first)).await;
    assert_eq!(event(&mut stream).await.value, "2");
    bus.stop();
    bus.restart();
    let mut stream = follow(&mut bus.replay(), "other", From::AfterId(first)).await;
    let Message::Gap(gap) = said(&mut stream).await else { panic!("no gap") };
    assert_eq!((gap.after_id, gap.reason()), (first, Reason::NotStored));
    let mut kept = follow(&mut bus.replay(), "app:", From::AfterId(first)).await;
    assert!(matches!(said(&mut kept).await, Message::CaughtUp(_)), "kept topics have no gap");
}

#[tokio::test]
async fn memory_and_disk_are_merged_in_order() {
    let bus = Bus::start();
    for n in 0..300 {
        bus.publish(if n % 3 == 0 { "app:n" } else { "n" }, &n.to_string()).await;
    }
    let request =
        SubscribeRequest { prefixes: vec![], cursor: Some(Cursor { from: Some(From::Earliest(Earliest {})) }) };
    let mut stream = soon(bus.replay().subscribe(request)).await.unwrap().into_inner();
    let mut expected = 0;
    while expected < 300 {
        let event = event(&mut stream).await;
        if event.topic == "n" || event.topic == "app:n" {
            assert_eq!(event.value, expected.to_string());
            expected += 1;
        }
    }
}

#[tokio::test]
async fn the_oldest_go_when_there_is_too_much() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__STORE__BYTES", "20000")]);
    let first = store(&mut bus.replay(), "app:t", "x").await;
    for _ in 0..50 {
        store(&mut bus.replay(), "app:t", &"x".repeat(1000)).await;
    }
    let mut client = bus.replay();
    soon(async {
        while client.get_statistics(GetStatisticsRequest {}).await.unwrap().into_inner().bytes_on_disk > 20_000 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut stream = follow(&mut client, "app:", From::AfterId(first)).await;
    let Message::Gap(gap) = said(&mut stream).await else { panic!("no gap") };
    assert_eq!(gap.reason(), Reason::Expired);
    assert!(event(&mut stream).await.id > gap.last_id);
    let mut earliest = follow(&mut client, "app:", From::Earliest(Earliest {})).await;
    event(&mut earliest).await;
}

#[tokio::test]
async fn the_oldest_go_when_their_time_is_over() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__STORE__HOURS", "0")]);
    let first = store(&mut bus.replay(), "app:t", "x").await;
    store(&mut bus.replay(), "app:t", "y").await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    let mut stream = follow(&mut bus.replay(), "app:", From::AfterId(first)).await;
    assert!(matches!(said(&mut stream).await, Message::Gap(_)));
    assert!(matches!(said(&mut stream).await, Message::CaughtUp(_)));
}

#[tokio::test]
async fn a_group_goes_on_behind_what_it_acknowledged() {
    let mut bus = Bus::start();
    let mut client = bus.replay();
    let join = || SubscribeGroupRequest {
        group: "g".to_owned(),
        prefixes: vec!["app:".to_owned()],
        cursor: Some(Cursor { from: Some(From::Live(Live {})) }),
    };
    let unknown = AcknowledgeRequest { group: "g".to_owned(), id: 1 };
    assert_eq!(soon(client.acknowledge(unknown)).await.unwrap_err().code(), Code::NotFound);
    let mut first = soon(client.subscribe_group(join())).await.unwrap().into_inner();
    let mut standby = soon(client.subscribe_group(join())).await.unwrap().into_inner();
    for n in 0..4 {
        store(&mut client, "app:t", &n.to_string()).await;
    }
    let (zero, one) = (event(&mut first).await, event(&mut first).await);
    assert_eq!((zero.value.as_str(), one.value.as_str()), ("0", "1"));
    let done = AcknowledgeRequest { group: "g".to_owned(), id: zero.id };
    soon(client.acknowledge(done)).await.unwrap();
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), standby.message()).await.is_err());
    drop(first);
    assert_eq!(event(&mut standby).await.value, "1", "the next member begins behind the acknowledgement");
    drop(standby);
    bus.stop();
    bus.restart();
    let mut again = soon(bus.replay().subscribe_group(join())).await.unwrap().into_inner();
    for n in 1..4 {
        assert_eq!(event(&mut again).await.value, n.to_string());
    }
}

#[tokio::test]
async fn a_reader_that_falls_behind_gets_everything_all_the_same() {
    let bus = Bus::start_with(&[("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "16")]);
    let mut stream = follow(&mut bus.replay(), "app:", From::Live(Live {})).await;
    let (mut client, padding) = (bus.client(), "x".repeat(2000));
    for n in 0..2000 {
        crate::bus::publish(&mut client, "app:t", &format!("{n}:{padding}")).await.unwrap();
    }
    for n in 0..2000 {
        assert!(event(&mut stream).await.value.starts_with(&format!("{n}:")), "{n}");
    }
}

#[tokio::test]
async fn topics_and_subscribers_are_listed() {
    let bus = Bus::start();
    let _stream = follow(&mut bus.replay(), "app:", From::Live(Live {})).await;
    store(&mut bus.replay(), "app:t", "12345").await;
    let topics = soon(bus.replay().list_topics(ListTopicsRequest { prefix: "app:".to_owned() })).await.unwrap();
    let topic = &topics.get_ref().topics[0];
    assert_eq!((topic.topic.as_str(), topic.events, topic.bytes, topic.stored), ("app:t", 1, 10, true));
    assert!(topic.rate > 0.0);
    let subscribers = soon(bus.replay().list_subscribers(ListSubscribersRequest {})).await.unwrap().into_inner();
    let subscriber = &subscribers.subscribers[0];
    assert_eq!((subscriber.protocol(), subscriber.prefixes.as_slice()), (Protocol::Homeport, &["app:".to_owned()][..]));
    assert_eq!(subscriber.pid.map(i32::cast_unsigned), Some(std::process::id()));
    let statistics = soon(bus.replay().get_statistics(GetStatisticsRequest {})).await.unwrap().into_inner();
    let publishes = statistics.publish_latencies.iter().map(|latency| latency.taken.as_ref().unwrap().count);
    assert_eq!(publishes.collect::<Vec<_>>(), [0, 0, 1], "nobody spoke the other protocols");
}
