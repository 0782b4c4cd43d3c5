//! What is published.

use std::ops::Deref;

pub use homeport_bus_wire::Event;

/// Topic of the reports about subscribers that fell behind.
pub(crate) const DROPPED_TOPIC: &str = "bus:dropped";
/// Topic of the reports about events that were too large for some subscriber.
pub(crate) const OVERSIZE_TOPIC: &str = "bus:oversize";

/// Topic of the reports about what a client's own socket does not have.
pub(crate) const DENIED_TOPIC: &str = "bus:denied";

/// Memory that a queued event takes besides its texts.
const OVERHEAD_BYTES: usize = 64;

/// An event that the bus took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Grows from event to event, also over restarts.
    pub id: u64,
    /// When the bus took it, in milliseconds since 1970.
    pub time_ms: i64,
    /// The event itself.
    pub event: Event,
}

impl Deref for Published {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}

impl Published {
    /// What it counts in a queue's bound.
    pub(crate) const fn size(&self) -> usize {
        self.event.topic.len() + self.event.value.len() + OVERHEAD_BYTES
    }
}

/// Whether the bus tells of itself.
pub(crate) fn is_report(event: &Event) -> bool {
    [DROPPED_TOPIC, OVERSIZE_TOPIC, DENIED_TOPIC].contains(&event.topic.as_str())
}
