//! A bus that is killed.

use futures::{StreamExt as _, stream};
use homeport_proto::bus::v1::{Earliest, PublishRequest, cursor::From, subscribe_response::Message};

use crate::{
    bus::{Bus, Replay},
    replay::{event, follow, said, store},
};

/// Publishes `count` events, `at_once` at a time; answers the ids that were acknowledged, with the number published.
async fn publish_many(client: &Replay, count: usize, at_once: usize) -> Vec<(u64, usize)> {
    let publish = |n: usize| {
        let mut client = client.clone();
        async move {
            let request = PublishRequest { topic: "app:n".to_owned(), value: format!("{n}:{}", "x".repeat(90)) };
            client.publish(request).await.ok().map(|answer| (answer.into_inner().id, n))
        }
    };
    stream::iter(0..count).map(publish).buffer_unordered(at_once).filter_map(async |done| done).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_and_in_order_after_a_kill() {
    let mut bus = Bus::start();
    let client = bus.replay();
    let publishing = publish_many(&client, 10_000, 64);
    let killing = async {
        while bus.statistics().await.events_stored < 1000 {}
        bus.kill();
    };
    let (mut acknowledged, ()) = futures::join!(publishing, killing);
    acknowledged.sort_unstable();
    assert!(!acknowledged.is_empty() && acknowledged.len() < 10_000, "killed in the middle: {}", acknowledged.len());

    bus.restart();
    let last = store(&mut bus.replay(), "app:n", "last").await;
    assert!(last > acknowledged[acknowledged.len() - 1].0);
    let mut stream = follow(&mut bus.replay(), "app:", From::Earliest(Earliest {})).await;
    let mut found = Vec::new();
    loop {
        let event = event(&mut stream).await;
        if event.id == last {
            break;
        }
        found.push((event.id, event.value.split(':').next().unwrap().parse().unwrap()));
    }
    assert!(found.is_sorted_by(|left, right| left.0 < right.0), "in order, and once");
    found.retain(|event| acknowledged.binary_search(event).is_ok());
    assert_eq!(found, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_100_000_behind_catches_up_over_a_kill() {
    let mut bus = Bus::start();
    let published = publish_many(&bus.replay(), 100_000, 64).await;
    let mut ids: Vec<_> = published.into_iter().map(|(id, _)| id).collect();
    ids.sort_unstable();
    assert_eq!(ids.len(), 100_000);
    let mut stream = follow(&mut bus.replay(), "app:", From::Earliest(Earliest {})).await;
    let mut seen = Vec::new();
    while seen.len() < 30_000 {
        seen.push(event(&mut stream).await.id);
    }
    bus.kill();
    // What is still in the sockets counts as seen.
    while let Ok(Some(response)) = stream.message().await {
        if let Some(Message::Event(event)) = response.message {
            seen.push(event.id);
        }
    }
    bus.restart();
    let mut stream = follow(&mut bus.replay(), "app:", From::AfterId(seen[seen.len() - 1])).await;
    while let Message::Event(event) = said(&mut stream).await {
        seen.push(event.id);
    }
    assert!(seen == ids, "each once, in order: {} of {}", seen.len(), ids.len());
}
