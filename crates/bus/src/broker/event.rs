//! What is published.

/// Topic of the reports about subscribers that fell behind.
pub(crate) const DROPPED_TOPIC: &str = "bus:dropped";
/// Topic of the reports about events that were too large for some subscriber.
pub(crate) const OVERSIZE_TOPIC: &str = "bus:oversize";

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
        self.topic == DROPPED_TOPIC || self.topic == OVERSIZE_TOPIC
    }
}
