//! What is said on the socket of the event bus, as bytes and without a socket.
//!
//! Existing clients come in two generations: [`line`] is one JSON object a line, [`message`] is the protobuf message of
//! gRPC. Whatever bytes come in, nothing here panics or takes more memory than they do; `fuzz/` tries.

pub mod line;
pub mod lines;
pub mod message;

/// The largest event, encoded. Existing clients know this number, and refuse to read more.
pub const EVENT_MAX: usize = 4 << 20;

/// Something that happened. Both texts are the publisher's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
}
