//! What the broker tells of itself.

use crate::broker::Origin;

/// A subscriber that missed events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Number of the subscriber, unique while the bus runs.
    pub subscriber: u64,
    /// What it subscribed to.
    pub prefix: String,
    /// Events that it missed since the last report.
    pub dropped: u64,
    /// Events that it missed since it subscribed.
    pub dropped_total: u64,
}

/// An event that was too large for subscribers that wanted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oversized {
    /// Its topic.
    pub topic: String,
    /// Bytes of its topic and value.
    pub size: usize,
    /// Subscribers that it was not handed to.
    pub skipped: usize,
}

/// What clients wanted to do that their socket does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The socket.
    pub socket: String,
    /// `publish` or `subscribe`.
    pub action: &'static str,
    /// The topic or prefix.
    pub topic: String,
    /// How often since the last report.
    pub count: u64,
}

/// Someone who is subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// Number of the subscriber, unique while the bus runs.
    pub id: u64,
    /// What it subscribed to.
    pub prefixes: Vec<String>,
    /// Where it came from.
    pub origin: Origin,
    /// Events that wait for it.
    pub queued_events: usize,
    /// Bytes that wait for it.
    pub queued_bytes: usize,
    /// Events that it missed since it subscribed.
    pub dropped: u64,
}

/// Figures since the bus started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Events published.
    pub events_in: u64,
    /// Events put into queues, or read for subscribers from disk and memory.
    pub events_out: u64,
    /// Subscriptions now.
    pub subscribers: usize,
    /// Events that wait for them now.
    pub queue_depth: usize,
    /// Events that found no room.
    pub dropped: u64,
    /// Events too large for a subscriber, once for each.
    pub oversize: u64,
    /// What clients wanted to do that their socket does not have.
    pub denied: u64,
    /// Events that wait for the disk.
    pub pending: usize,
    /// Events of kept topics that are not on disk.
    pub not_stored: u64,
    /// The newest id.
    pub last_id: u64,
    /// Connections that spoke neither protocol.
    pub unknown_protocol: u64,
}
