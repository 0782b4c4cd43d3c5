//! What is published.

use std::ops::Deref;

/// Topic of the reports about subscribers that fell behind.
pub(crate) const DROPPED_TOPIC: &str = "bus:dropped";
/// Topic of the reports about events that were too large for some subscriber.
pub(crate) const OVERSIZE_TOPIC: &str = "bus:oversize";

/// Topic of the reports about what a client's own socket does not have.
pub(crate) const DENIED_TOPIC: &str = "bus:denied";

/// Memory that a queued event takes besides its texts.
const OVERHEAD_BYTES: usize = 64;

/// Something that happened. Both texts are the publisher's; the bus never looks into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened, from general to specific: `update:progress`.
    pub topic: String,
    /// The details, usually a JSON object.
    pub value: String,
}

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

impl Event {
    /// An event.
    pub fn new(topic: impl Into<String>, value: impl Into<String>) -> Self {
        Self { topic: topic.into(), value: value.into() }
    }

    /// What it counts in a queue's bound.
    pub(crate) const fn size(&self) -> usize {
        self.topic.len() + self.value.len() + OVERHEAD_BYTES
    }

    pub(crate) fn is_report(&self) -> bool {
        [DROPPED_TOPIC, OVERSIZE_TOPIC, DENIED_TOPIC].contains(&self.topic.as_str())
    }
}
