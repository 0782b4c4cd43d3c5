//! Tells on the bus itself which subscribers missed something, and what was refused.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, DENIED_TOPIC, DROPPED_TOPIC, Denied, Event, Lag, OVERSIZE_TOPIC, Oversized};

/// Time between two reports: one a second shows a problem, more would add to it.
const INTERVAL: Duration = Duration::from_secs(1);
/// Subscribers named in one report; the sum counts all of them.
const NAMED_MAX: usize = 16;
/// Bytes of a topic in a report. A report has to fit into a line of 64 KiB, as some subscribers read them.
const TOPIC_BYTES: usize = 256;

/// The payload of `bus:dropped`.
#[derive(Debug, Serialize)]
struct Dropped<'a> {
    /// Events that subscribers missed since the last report, added up.
    dropped: u64,
    /// Who missed them, at most 16.
    subscribers: Vec<Subscriber<'a>>,
}

#[derive(Debug, Serialize)]
struct Subscriber<'a> {
    /// Number of the subscriber, unique while the bus runs.
    id: u64,
    /// What it subscribed to.
    prefix: &'a str,
    /// Events that it missed since the last report.
    dropped: u64,
    /// Events that it missed since it subscribed.
    dropped_total: u64,
}

/// The payload of `bus:oversize`.
#[derive(Debug, Serialize)]
struct Oversize<'a> {
    /// Topic of the event that was too large.
    topic: &'a str,
    /// Bytes of its topic and value.
    size: usize,
    /// Subscribers that wanted it and did not get it.
    subscribers: usize,
}

/// The payload of `bus:denied`.
#[derive(Debug, Serialize)]
struct Refusal<'a> {
    /// The socket that does not have it.
    socket: &'a str,
    /// `publish` or `subscribe`.
    action: &'a str,
    /// The topic, or the prefix.
    topic: &'a str,
    /// How often since the last report.
    count: u64,
}

/// Publishes reports until the drain.
pub(crate) async fn run(broker: Broker, drain: CancellationToken) {
    let reports = async {
        loop {
            broker.report_due().await;
            report_lags(&broker);
            report_oversized(&broker);
            report_denied(&broker);
            tokio::time::sleep(INTERVAL).await;
        }
    };
    drain.run_until_cancelled(reports).await;
}

fn report_lags(broker: &Broker) {
    let lags = broker.take_lags();
    if lags.is_empty() {
        return;
    }
    let payload = Dropped {
        dropped: lags.iter().map(|lag| lag.dropped).sum(),
        subscribers: lags.iter().take(NAMED_MAX).map(Subscriber::from).collect(),
    };
    tracing::warn!(
        bus.dropped = payload.dropped,
        bus.subscribers = lags.len(),
        "subscribers do not keep up and missed events"
    );
    publish(broker, DROPPED_TOPIC, &payload);
}

fn report_oversized(broker: &Broker) {
    for Oversized { topic, size, skipped } in broker.take_oversized() {
        let topic = beginning(&topic);
        tracing::warn!(
            bus.topic = topic,
            bus.event_bytes = size,
            bus.subscribers = skipped,
            "an event is too large for subscribers"
        );
        publish(broker, OVERSIZE_TOPIC, &Oversize { topic, size, subscribers: skipped });
    }
}

fn report_denied(broker: &Broker) {
    for Denied { socket, action, topic, count } in broker.take_denied() {
        let topic = beginning(&topic);
        tracing::warn!(
            socket.path = socket,
            bus.action = action,
            bus.topic = topic,
            bus.count = count,
            "refused: this socket does not have the topic"
        );
        publish(broker, DENIED_TOPIC, &Refusal { socket: &socket, action, topic, count });
    }
}

fn publish(broker: &Broker, topic: &str, payload: &impl Serialize) {
    if let Ok(value) = serde_json::to_string(payload) {
        // Refused only while draining; the log has it.
        drop(broker.publish(Event::new(topic, value)));
    }
}

impl<'a> From<&'a Lag> for Subscriber<'a> {
    fn from(lag: &'a Lag) -> Self {
        let prefix = beginning(&lag.prefix);
        Self { id: lag.subscriber, prefix, dropped: lag.dropped, dropped_total: lag.dropped_total }
    }
}

/// As much of a topic as a report has room for.
fn beginning(topic: &str) -> &str {
    &topic[..topic.floor_char_boundary(TOPIC_BYTES)]
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::broker::{Filter, Limits};

    #[test]
    fn a_report_names_who_missed_how_much() {
        let broker = Broker::new(Limits { queue_events: 1, queue_bytes: 1000, subscribers: 10 });
        let slow = broker.subscribe(Filter::Joined("a".to_owned())).unwrap();
        let mut watcher = broker.subscribe(Filter::Joined("bus:".to_owned())).unwrap();
        for _ in 0..3 {
            broker.publish(Event::new("a", "{}")).unwrap();
        }
        report_lags(&broker);
        let event = watcher.next().now_or_never().flatten().unwrap();
        assert_eq!(event.topic, "bus:dropped");
        assert_eq!(event.value, r#"{"dropped":2,"subscribers":[{"id":1,"prefix":"a","dropped":2,"dropped_total":2}]}"#);
        drop(slow);
        report_lags(&broker);
        assert!(watcher.next().now_or_never().is_none(), "what was reported is not reported again");
    }

    #[test]
    fn an_event_that_was_too_large_is_reported_once_with_how_many_missed_it() {
        let broker = Broker::new(Limits { queue_events: 1, queue_bytes: 1000, subscribers: 10 });
        let subscribers = ["a", "a"].map(|prefix| broker.subscribe(Filter::Topic(prefix.to_owned())).unwrap());
        let mut watcher = broker.subscribe(Filter::Topic("bus:".to_owned())).unwrap();
        let event = Event::new("é".repeat(200), "x");
        for subscription in &subscribers {
            subscription.oversize(&event);
        }
        report_oversized(&broker);
        let event = watcher.next().now_or_never().flatten().unwrap();
        let topic = "é".repeat(128);
        assert_eq!(event.value, format!(r#"{{"topic":"{topic}","size":401,"subscribers":2}}"#));
    }
}
