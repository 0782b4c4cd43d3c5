//! Everything that the broker's lock guards.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::broker::{
    BrokerError, Denied, Event, Filter, Keep, Lag, Limits, Origin, Oversized, Published, Statistics, Subscriber,
    keep::Kept, queue::Queue, topics::Topics,
};

/// Subscribers that are gone but whose missed events are not reported yet. Beyond it their report is left out.
const DEPARTED_MAX: usize = 64;

/// Events too large for some subscriber, and refusals, that are not reported yet. Beyond it their report is left out.
const UNREPORTED_MAX: usize = 16;

#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    queues: Vec<Arc<Queue>>,
    next_subscriber: u64,
    last_id: u64,
    draining: bool,
    departed: Vec<Lag>,
    oversized: Vec<Oversized>,
    denied: Vec<Denied>,
    statistics: Statistics,
    pub(crate) kept: Kept,
    pub(crate) topics: Topics,
}

/// What became of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) id: u64,
    pub(crate) all_had_room: bool,
    /// Whether it goes to the disk.
    pub(crate) stored: bool,
}

impl Registry {
    pub(crate) fn new(limits: Limits, keep: Keep, now_ms: i64) -> Self {
        Self {
            limits,
            queues: Vec::new(),
            next_subscriber: 1,
            last_id: keep.last_id,
            draining: false,
            departed: Vec::new(),
            oversized: Vec::new(),
            denied: Vec::new(),
            statistics: Statistics::default(),
            kept: Kept::new(keep, now_ms),
            topics: Topics::default(),
        }
    }

    pub(crate) fn publish(
        &mut self,
        event: Event,
        time_ms: i64,
        stored: Option<oneshot::Sender<()>>,
    ) -> Result<Taken, BrokerError> {
        if self.draining {
            return Err(BrokerError::Draining);
        }
        if stored.is_some() && self.kept.failing && self.kept.is_stored(&event.topic) {
            return Err(BrokerError::NotStoring);
        }
        self.last_id += 1;
        let event = Arc::new(Published { id: self.last_id, time_ms, event });
        self.statistics.events_in += 1;
        let mut all_had_room = true;
        for queue in self.queues.iter().filter(|queue| queue.filter.matches(&event)) {
            let had_room = queue.push(&event);
            *(if had_room { &mut self.statistics.events_out } else { &mut self.statistics.dropped }) += 1;
            all_had_room &= had_room;
        }
        self.topics.count(&event);
        let stored = self.kept.push(&event, stored);
        Ok(Taken { id: event.id, all_had_room, stored })
    }

    pub(crate) fn subscribe(
        &mut self,
        filter: Filter,
        origin: Origin,
        ends_full: bool,
    ) -> Result<Arc<Queue>, BrokerError> {
        if self.draining {
            return Err(BrokerError::Draining);
        }
        if self.queues.len() >= self.limits.subscribers {
            return Err(BrokerError::TooManySubscribers { limit: self.limits.subscribers });
        }
        let queue = Arc::new(Queue::new(self.next_subscriber, filter, origin, self.limits, ends_full));
        self.next_subscriber += 1;
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

    pub(crate) const fn is_draining(&self) -> bool {
        self.draining
    }

    pub(crate) const fn last_id(&self) -> u64 {
        self.last_id
    }

    pub(crate) const fn subscribers(&self) -> usize {
        self.queues.len()
    }

    pub(crate) fn list_subscribers(&self) -> Vec<Subscriber> {
        let describe = |queue: &Arc<Queue>| {
            let (queued_events, queued_bytes, dropped) = queue.depth();
            let (prefixes, origin) = (queue.filter.prefixes().to_vec(), queue.origin.clone());
            Subscriber { id: queue.id, prefixes, origin, queued_events, queued_bytes, dropped }
        };
        self.queues.iter().map(describe).collect()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            subscribers: self.queues.len(),
            queue_depth: self.queues.iter().map(|queue| queue.depth().0).sum(),
            pending: self.kept.pending(),
            not_stored: self.kept.not_stored,
            last_id: self.last_id,
            ..self.statistics
        }
    }

    pub(crate) const fn replayed(&mut self, events: u64) {
        self.statistics.events_out += events;
    }

    pub(crate) const fn unknown_protocol(&mut self) {
        self.statistics.unknown_protocol += 1;
    }

    pub(crate) fn deny(&mut self, socket: &str, action: &'static str, topic: &str) {
        self.statistics.denied += 1;
        let same = |noted: &&mut Denied| noted.socket == socket && noted.action == action && noted.topic == topic;
        if let Some(noted) = self.denied.iter_mut().find(same) {
            noted.count += 1;
        } else if self.denied.len() < UNREPORTED_MAX {
            self.denied.push(Denied { socket: socket.to_owned(), action, topic: topic.to_owned(), count: 1 });
        }
    }

    pub(crate) fn take_denied(&mut self) -> Vec<Denied> {
        std::mem::take(&mut self.denied)
    }

    pub(crate) fn oversize(&mut self, event: &Event) {
        self.statistics.oversize += 1;
        let size = event.topic.len() + event.value.len();
        if let Some(noted) = self.oversized.iter_mut().find(|noted| noted.size == size && noted.topic == event.topic) {
            noted.skipped += 1;
        } else if self.oversized.len() < UNREPORTED_MAX {
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
