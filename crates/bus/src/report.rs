//! Tells on the bus itself which subscribers fell behind.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, Event, Lag, REPORT_TOPIC};

/// Time between two reports: one a second shows a problem, more would add to it.
const INTERVAL: Duration = Duration::from_secs(1);
/// Subscribers named in one report; the sum counts all of them.
const NAMED_MAX: usize = 16;

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

/// Publishes reports until the drain.
pub(crate) async fn run(broker: Broker, drain: CancellationToken) {
    let reports = async {
        loop {
            broker.lagged().await;
            report(&broker);
            tokio::time::sleep(INTERVAL).await;
        }
    };
    drain.run_until_cancelled(reports).await;
}

fn report(broker: &Broker) {
    let lags = broker.take_lags();
    if lags.is_empty() {
        return;
    }
    let payload = payload(&lags);
    tracing::warn!(
        bus.dropped = payload.dropped,
        bus.subscribers = lags.len(),
        "subscribers do not keep up and missed events"
    );
    if let Ok(value) = serde_json::to_string(&payload) {
        // Refused only while draining; the log has it.
        drop(broker.publish(Event::new(REPORT_TOPIC, value)));
    }
}

fn payload(lags: &[Lag]) -> Dropped<'_> {
    Dropped {
        dropped: lags.iter().map(|lag| lag.dropped).sum(),
        subscribers: lags.iter().take(NAMED_MAX).map(Subscriber::from).collect(),
    }
}

impl<'a> From<&'a Lag> for Subscriber<'a> {
    fn from(lag: &'a Lag) -> Self {
        Self { id: lag.subscriber, prefix: &lag.prefix, dropped: lag.dropped, dropped_total: lag.dropped_total }
    }
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
        report(&broker);
        let event = watcher.next().now_or_never().flatten().unwrap();
        assert_eq!(event.topic, "bus:dropped");
        assert_eq!(event.value, r#"{"dropped":2,"subscribers":[{"id":1,"prefix":"a","dropped":2,"dropped_total":2}]}"#);
        drop(slow);
        report(&broker);
        assert!(watcher.next().now_or_never().is_none(), "what was reported is not reported again");
    }
}
