//! The event bus, seen from a process that uses it.
//!
//! [`Publisher::publish`] hands an event over and goes on: it never waits and never fails, because no request may depend
//! on the bus. [`Publisher::deliver`] waits until the bus has the event on disk, for events that are kept until then.
//! [`subscribe`] follows a prefix for as long as the stream is polled, through every restart of the bus;
//! [`subscribe_from`] does so without missing what the bus keeps.
//!
//! ```no_run
//! # async fn example(context: homeport_service::Context) {
//! use futures::StreamExt as _;
//! use homeport_bus_client::{Publisher, subscribe};
//!
//! let socket = context.paths().socket("bus");
//! let publisher = Publisher::new(socket.clone(), &context);
//! publisher.publish("update:check", &serde_json::json!({ "stage": "discovering" }));
//!
//! let mut events = subscribe(socket, "update:".to_owned());
//! while let Some(event) = events.next().await {
//!     tracing::info!(bus.topic = event.topic, "{}", event.value);
//! }
//! # }
//! ```

mod backoff;
mod log;
mod publisher;
mod replay;
mod since;
mod subscriber;

pub use log::publish_log;
pub use publisher::{PublishError, Publisher, QUEUE_BYTES, QUEUE_EVENTS, deliver};
pub use replay::{Cursor, Replay, subscribe_from, why_missing};
pub use since::{NotSince, Since};
pub use subscriber::{Notice, subscribe, watch};

/// The largest event that the bus takes, encoded: 4 MiB, as its existing clients know it.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened, from general to specific: `update:progress`.
    pub topic: String,
    /// The details, usually a JSON object.
    pub value: String,
}

impl From<homeport_proto::pubservice::String> for Event {
    fn from(message: homeport_proto::pubservice::String) -> Self {
        Self { topic: message.topic, value: message.value }
    }
}
