//! Everything that the broker's lock guards.

use std::sync::Arc;

use crate::broker::{BrokerError, Event, Filter, Limits, queue::Queue};

/// Subscribers that are gone but whose missed events are not reported yet. Beyond it their report is left out.
const DEPARTED_MAX: usize = 64;

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

#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    queues: Vec<Arc<Queue>>,
    next_id: u64,
    draining: bool,
    departed: Vec<Lag>,
}

impl Registry {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits, queues: Vec::new(), next_id: 1, draining: false, departed: Vec::new() }
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
