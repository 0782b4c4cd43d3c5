//! What the broker keeps for those who come later.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::broker::{Published, ring::Ring};

/// What is kept, and where the ids begin.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Topics that go to the disk.
    pub prefixes: Vec<String>,
    /// Events of other topics that stay in memory.
    pub ring_events: usize,
    /// Bytes of them.
    pub ring_bytes: usize,
    /// Bytes that may wait for the disk; what comes then is not stored.
    pub pending_bytes: usize,
    /// The id before the first one that this process gives.
    pub last_id: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { prefixes: Vec::new(), ring_events: 4096, ring_bytes: 4 << 20, pending_bytes: 16 << 20, last_id: 0 }
    }
}

/// An event on its way to the disk. Dropping `stored` without an answer says that it is not there.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) event: Arc<Published>,
    pub(crate) stored: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) keep: Keep,
    pub(crate) ring: Ring,
    pending: Vec<Pending>,
    pending_bytes: usize,
    pub(crate) not_stored: u64,
    /// The newest event that should be on disk and is not.
    pub(crate) lost_to: u64,
    /// Whether the disk takes nothing at present.
    pub(crate) failing: bool,
}

impl Kept {
    pub(crate) fn new(keep: Keep, now_ms: i64) -> Self {
        let ring = Ring::new(keep.ring_events, keep.ring_bytes, (keep.last_id, now_ms));
        Self { keep, ring, pending: Vec::new(), pending_bytes: 0, not_stored: 0, lost_to: 0, failing: false }
    }

    pub(crate) fn is_stored(&self, topic: &str) -> bool {
        self.keep.prefixes.iter().any(|prefix| topic.starts_with(prefix))
    }

    /// Whether it is on its way to the disk.
    pub(crate) fn push(&mut self, event: &Arc<Published>, stored: Option<oneshot::Sender<()>>) -> bool {
        if !self.is_stored(&event.topic) {
            self.ring.push(event);
            return false;
        }
        if self.pending_bytes + event.size() > self.keep.pending_bytes.max(event.size()) {
            self.lose(event.id, 1);
            return true;
        }
        self.pending_bytes += event.size();
        self.pending.push(Pending { event: Arc::clone(event), stored });
        true
    }

    pub(crate) fn lose(&mut self, id: u64, events: u64) {
        self.not_stored += events;
        self.lost_to = self.lost_to.max(id);
    }

    pub(crate) fn take(&mut self) -> Vec<Pending> {
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }

    pub(crate) const fn pending(&self) -> usize {
        self.pending.len()
    }
}
