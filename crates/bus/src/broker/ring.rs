//! The newest events of topics that are not kept on disk.

use std::{collections::VecDeque, sync::Arc};

use crate::broker::Published;

/// Events in the order of their ids, up to a number and a size; the oldest go first.
#[derive(Debug)]
pub(crate) struct Ring {
    events: VecDeque<Arc<Published>>,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// Id and time of the newest event that had to go.
    gone: (u64, i64),
}

/// A part of the ring.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) events: Vec<Arc<Published>>,
    /// Events up to this id are not in the ring any more.
    pub(crate) gone_to: u64,
}

impl Ring {
    /// An empty ring; what was before the process started is gone.
    pub(crate) const fn new(events_max: usize, bytes_max: usize, gone: (u64, i64)) -> Self {
        Self { events: VecDeque::new(), bytes: 0, events_max, bytes_max, gone }
    }

    pub(crate) fn push(&mut self, event: &Arc<Published>) {
        self.bytes += event.size();
        self.events.push_back(Arc::clone(event));
        while self.events.len() > self.events_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.size();
            self.gone = (oldest.id, oldest.time_ms);
        }
    }

    /// The events behind `after`, up to and including `to`.
    pub(crate) fn between(&self, after: u64, to: u64) -> Part {
        let start = self.events.partition_point(|event| event.id <= after);
        let events = self.events.iter().skip(start).take_while(|event| event.id <= to).cloned().collect();
        Part { events, gone_to: self.gone.0 }
    }

    /// The newest id that is or was in the ring with a time before this one.
    pub(crate) fn before(&self, time_ms: i64) -> u64 {
        let place = self.events.partition_point(|event| event.time_ms < time_ms);
        match place.checked_sub(1) {
            Some(place) => self.events[place].id,
            None if self.gone.1 < time_ms => self.gone.0,
            None => 0,
        }
    }
}
