//! The bus as clients know it that send one JSON object a line, and get no answer.
//!
//! A connection publishes, as often as it likes, until it asks for `subscribe:<prefix>`; from then on it only receives.

mod publisher;
mod reader;
mod subscriber;

use std::{sync::Arc, time::Duration};

use homeport_service::Context;
use tokio::net::UnixStream;

use crate::{broker::Broker, door::Door, latency::Latencies};

/// The JSON-lines edge of a broker.
#[derive(Debug, Clone)]
pub(crate) struct JsonLines {
    pub(crate) broker: Broker,
    /// What the clients of this socket may do.
    pub(crate) door: Door,
    /// Where publishes are counted.
    pub(crate) latencies: Arc<Latencies>,
    /// How long a subscriber may leave its full queue alone.
    pub(crate) stall_limit: Duration,
    /// How long it may go on reading once the bus stops.
    pub(crate) drain_limit: Duration,
}

impl JsonLines {
    /// Serves one connection until its client leaves or the context drains.
    pub(crate) fn serve(&self, stream: UnixStream, context: &Context) {
        let (edge, drain) = (self.clone(), context.drain().clone());
        context.spawn("json-lines", async move {
            let publishing = publisher::run(&stream, &edge);
            let Some(Some(prefix)) = drain.run_until_cancelled(publishing).await else { return };
            let stop = async {
                drain.cancelled().await;
                tokio::time::sleep(edge.drain_limit).await;
            };
            tokio::select! {
                () = subscriber::run(&stream, &edge.broker, &edge.door, prefix, edge.stall_limit) => {}
                () = stop => {}
            }
        });
    }
}
