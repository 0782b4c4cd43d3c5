//! Everything that the broker's lock guards.

use std::sync::Arc;

use crate::broker::{BrokerError, Event, Filter, Limits, queue::Queue};

/// Subscribers that are gone but whose missed events are not reported yet. Beyond it their report is left out.
const DEPARTED_MAX: usize = 64;

/// Events too large for some subscriber that are not reported yet. Beyond it their report is left out.
const OVERSIZED_MAX: usize = 16;

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

#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    queues: Vec<Arc<Queue>>,
    next_id: u64,
    draining: bool,
    departed: Vec<Lag>,
    oversized: Vec<Oversized>,
}

impl Registry {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits, queues: Vec::new(), next_id: 1, draining: false, departed: Vec::new(), oversized: Vec::new() }
    }

    /// Whether every matching subscriber had room.
    pub(crate) fn publish(&self, event: &Arc<Event>) -> Result<bool, BrokerError> {
        if self.draining {
            return Err(BrokerError::Draining);
        }
        let mut all_had_room = true;
        for queue in self.queues.iter().filter(|queue| queue.filter.matches(event)) {
            all_had_room &= queue.push(event);
        }
        Ok(all_had_room)
    }

    pub(crate) fn subscribe(&mut self, filter: Filter) -> Result<Arc<Queue>, BrokerError> {
        if self.draining {
            return Err(BrokerError::Draining);
        }
        if self.queues.len() >= self.limits.subscribers {
            return Err(BrokerError::TooManySubscribers { limit: self.limits.subscribers });
        }
        let queue = Arc::new(Queue::new(self.next_id, filter, self.limits));
        self.next_id += 1;
        self.queues.push(Arc::clone(&queue));
        Ok(queue)
    }

    pub(crate) fn unsubscribe(&mut self, queue: &Arc<Queue>) {
        if let Some(place) = self.queues.iter().position(|other| Arc::ptr_eq(other, queue)) {
            self.queues.swap_remove(place);
        }
        if self.departed.len() < DEPARTED_MAX {
            self.departed.extend(lag(queue));
        }
    }

    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.queues.iter().for_each(|queue| queue.close());
    }

    pub(crate) const fn subscribers(&self) -> usize {
        self.queues.len()
    }

    pub(crate) fn oversize(&mut self, event: &Event) {
        let size = event.topic.len() + event.value.len();
        if let Some(noted) = self.oversized.iter_mut().find(|noted| noted.size == size && noted.topic == event.topic) {
            noted.skipped += 1;
        } else if self.oversized.len() < OVERSIZED_MAX {
            self.oversized.push(Oversized { topic: event.topic.clone(), size, skipped: 1 });
        }
    }

    pub(crate) fn take_oversized(&mut self) -> Vec<Oversized> {
        std::mem::take(&mut self.oversized)
    }

    pub(crate) fn take_lags(&mut self) -> Vec<Lag> {
        let mut lags = std::mem::take(&mut self.departed);
        lags.extend(self.queues.iter().filter_map(|queue| lag(queue)));
        lags
    }
}

fn lag(queue: &Queue) -> Option<Lag> {
    let missed = queue.take_missed();
    (missed.unreported > 0).then(|| Lag {
        subscriber: queue.id,
        prefix: queue.filter.prefix().to_owned(),
        dropped: missed.unreported,
        dropped_total: missed.total,
    })
}
