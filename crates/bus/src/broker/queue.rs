//! What waits for one subscriber.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::broker::{Filter, Limits, Origin, Published};

/// Places that an idle queue keeps; a burst's memory is given back.
const IDLE_PLACES: usize = 16;

/// A bounded queue with one reader. Full, it refuses the newest; or, for a reader that can read again what it misses,
/// it ends there.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: u64,
    pub(crate) filter: Filter,
    pub(crate) origin: Origin,
    limits: Limits,
    /// Whether the queue ends when it is full.
    ends_full: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Arc<Published>>,
    bytes: usize,
    closed: bool,
    overflowed: bool,
    /// An event was refused since one was taken out.
    full: bool,
    reader: Option<Waker>,
    missed: Missed,
}

/// How many events a subscriber did not get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Missed {
    /// Since it was last reported.
    pub(crate) unreported: u64,
    /// Since it subscribed.
    pub(crate) total: u64,
}

impl Queue {
    pub(crate) fn new(id: u64, filter: Filter, origin: Origin, limits: Limits, ends_full: bool) -> Self {
        Self { id, filter, origin, limits, ends_full, state: Mutex::default() }
    }

    /// Appends an event and wakes the reader; false if there is no room.
    pub(crate) fn push(&self, event: &Arc<Published>) -> bool {
        let mut state = self.state();
        if state.overflowed {
            return true;
        }
        if !state.has_room(event.size(), self.limits) {
            if self.ends_full {
                (state.closed, state.overflowed) = (true, true);
                return true;
            }
            state.full = true;
            state.missed.unreported += 1;
            state.missed.total += 1;
            return false;
        }
        state.bytes += event.size();
        state.events.push_back(Arc::clone(event));
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }

    /// The oldest event; none once the queue is closed and empty.
    pub(crate) fn poll_pop(&self, cx: &Context<'_>) -> Poll<Option<Arc<Published>>> {
        let mut state = self.state();
        if let Some(event) = state.pop() {
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The reader sees the end after what is queued.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether an event was refused since the reader last took one out.
    pub(crate) fn is_full(&self) -> bool {
        self.state().full
    }

    /// Whether the queue has ended because it was full.
    pub(crate) fn overflowed(&self) -> bool {
        self.state().overflowed
    }

    /// Events and bytes that wait, and events missed so far.
    pub(crate) fn depth(&self) -> (usize, usize, u64) {
        let state = self.state();
        (state.events.len(), state.bytes, state.missed.total)
    }

    /// What the subscriber missed; from here on that counts as reported.
    pub(crate) fn take_missed(&self) -> Missed {
        let mut state = self.state();
        let missed = state.missed;
        state.missed.unreported = 0;
        missed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, size: usize, limits: Limits) -> bool {
        self.events.is_empty() || (self.events.len() < limits.queue_events && self.bytes + size <= limits.queue_bytes)
    }

    fn pop(&mut self) -> Option<Arc<Published>> {
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        self.full = false;
        if self.events.is_empty() && self.events.capacity() > IDLE_PLACES {
            self.events.shrink_to(IDLE_PLACES);
        }
        Some(event)
    }
}
