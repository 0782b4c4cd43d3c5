//! Who gets which event: a registry of subscribers behind one lock, a bounded queue for each.
//!
//! The lock gives all events one order, of which every subscriber sees a part. Under it an event is only put into
//! queues, so publishing takes the same time whether or not anybody reads.

mod event;
mod filter;
mod queue;
mod registry;
mod subscription;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use event::Event;
pub(crate) use event::{DROPPED_TOPIC, OVERSIZE_TOPIC};
pub use filter::Filter;
pub use registry::{Lag, Oversized};
pub use subscription::Subscription;
use tokio::sync::Notify;

use crate::broker::{queue::Queue, registry::Registry};

/// What the broker may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Events that wait for one subscriber.
    pub queue_events: usize,
    /// Bytes that wait for one subscriber; an empty queue takes an event of any size.
    pub queue_bytes: usize,
    /// Subscriptions at a time.
    pub subscribers: usize,
}

/// Why the broker did not do what it was asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// It takes nothing any more.
    #[error("the event bus is stopping; connect again")]
    Draining,
    /// Every place is taken.
    #[error("there are {limit} subscriptions already; close some, or raise subscriber.count_max")]
    TooManySubscribers {
        /// How many there may be.
        limit: usize,
    },
}

/// The broker. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Mutex<Registry>,
    /// Told when there is something to report.
    reports: Notify,
}

impl Broker {
    /// A broker without subscribers.
    pub fn new(limits: Limits) -> Self {
        Self { shared: Arc::new(Shared { registry: Mutex::new(Registry::new(limits)), reports: Notify::new() }) }
    }

    /// Puts an event into the queue of every matching subscriber that has room. To have none is fine.
    pub fn publish(&self, event: Event) -> Result<(), BrokerError> {
        let event = Arc::new(event);
        let all_had_room = self.registry().publish(&event)?;
        // A report that is missed is no reason for another report.
        if !all_had_room && !event.is_report() {
            self.shared.reports.notify_one();
        }
        Ok(())
    }

    /// Registers a subscriber: it gets every matching event published after this returns, and is forgotten when the
    /// subscription is dropped.
    pub fn subscribe(&self, filter: Filter) -> Result<Subscription, BrokerError> {
        let queue = self.registry().subscribe(filter)?;
        Ok(Subscription::new(self.clone(), queue))
    }

    /// Takes nothing new any more; subscriptions end when their queues are empty.
    pub fn drain(&self) {
        self.registry().drain();
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.registry().subscribers()
    }

    /// Waits until a subscriber has missed an event since the last call, for either reason.
    pub async fn report_due(&self) {
        self.shared.reports.notified().await;
    }

    /// Who had no room for how many events since the last call.
    pub fn take_lags(&self) -> Vec<Lag> {
        self.registry().take_lags()
    }

    /// Which events were too large for how many subscribers since the last call.
    pub fn take_oversized(&self) -> Vec<Oversized> {
        self.registry().take_oversized()
    }

    fn oversize(&self, event: &Event) {
        self.registry().oversize(event);
        self.shared.reports.notify_one();
    }

    fn unsubscribe(&self, queue: &Arc<Queue>) {
        self.registry().unsubscribe(queue);
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // Nothing in there can panic halfway through a change.
        self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
