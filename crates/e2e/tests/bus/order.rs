//! One order for all.

use futures::{StreamExt as _, future::join_all};

use crate::bus::{Bus, next, publish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_subscriber_sees_the_same_order() {
    const PUBLISHERS: usize = 4;
    const EVENTS: usize = 200;
    let bus = Bus::start();
    let subscribers: Vec<_> = futures::stream::iter(0..3).then(|_| bus.subscribe("n")).collect().await;
    let publishers = (0..PUBLISHERS).map(async |publisher| {
        let mut client = bus.client();
        for n in 0..EVENTS {
            publish(&mut client, "n", &format!("{publisher}:{n}")).await.unwrap();
        }
    });
    let readers = subscribers.into_iter().map(async |mut events| {
        let mut seen = Vec::new();
        for _ in 0..PUBLISHERS * EVENTS {
            seen.push(next(&mut events).await.1);
        }
        seen
    });
    let (_, seen) = futures::join!(join_all(publishers), join_all(readers));
    assert!(seen.iter().all(|order| *order == seen[0]), "the orders differ");
    for publisher in 0..PUBLISHERS {
        let own: Vec<_> = seen[0].iter().filter(|value| value.starts_with(&format!("{publisher}:"))).collect();
        let sent: Vec<_> = (0..EVENTS).map(|n| format!("{publisher}:{n}")).collect();
        assert_eq!(own, sent.iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_is_published_after_the_headers_arrives() {
    let bus = Bus::start();
    // Nothing has been published, so only the headers can have ended the wait in `subscribe`.
    for n in 0..100 {
        let mut events = bus.subscribe("n").await;
        bus.publish("n", &n.to_string()).await;
        assert_eq!(next(&mut events).await.1, n.to_string());
    }
}
