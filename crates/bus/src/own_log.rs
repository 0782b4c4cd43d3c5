//! What the bus itself logs, as `log:bus`: the other services hand theirs to the bus, which needs nobody for it.

use homeport_service::telemetry::Records;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, Event};

/// Publishes records until the bus drains. Nobody waits for it.
pub(crate) async fn run(mut records: Records, broker: Broker, drain: CancellationToken) {
    let topic = format!("log:{}", records.service());
    while let Some(Some(record)) = drain.run_until_cancelled(records.next()).await {
        if let Ok(value) = serde_json::to_string(&record) {
            // Refused only while draining; standard error has it.
            drop(broker.publish(Event::new(topic.clone(), value)));
        }
    }
}
