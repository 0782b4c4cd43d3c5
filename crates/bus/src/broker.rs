//! Who gets which event: a registry of subscribers behind one lock, a bounded queue for each.
//!
//! The lock gives all events one order and an id, of which every subscriber sees a part. Under it an event is only put
//! into queues, that of the disk among them, so publishing takes the same time whether or not anybody reads.

mod account;
mod event;
mod filter;
mod keep;
mod origin;
mod queue;
mod registry;
mod ring;
mod subscription;
mod topics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use account::{Denied, Lag, Oversized, Statistics, Subscriber};
pub(crate) use event::{DENIED_TOPIC, DROPPED_TOPIC, OVERSIZE_TOPIC};
pub use event::{Event, Published};
pub use filter::Filter;
use homeport_service::clock::{Clock as _, SystemClock};
pub use keep::Keep;
pub(crate) use keep::Pending;
pub use origin::{Origin, Protocol};
pub(crate) use registry::Taken;
pub(crate) use ring::Part;
pub use subscription::Subscription;
use tokio::sync::{Notify, oneshot, watch};
pub use topics::TopicCount;

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
    /// The disk does not take what has to be on it before it is acknowledged.
    #[error("events cannot be stored, so nobody got this one; make room on the disk of the bus, and try again")]
    NotStoring,
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
    /// Told when there is something to store.
    pending: Notify,
    /// Kept events up to this id are on disk, or never will be.
    settled: watch::Sender<u64>,
}

impl Broker {
    /// A broker without subscribers that stores nothing.
    pub fn new(limits: Limits) -> Self {
        Self::keeping(limits, Keep::default())
    }

    /// A broker without subscribers. Somebody has to take what it has to store.
    pub fn keeping(limits: Limits, keep: Keep) -> Self {
        let settled = watch::Sender::new(keep.last_id);
        let registry = Mutex::new(Registry::new(limits, keep, now_ms()));
        Self { shared: Arc::new(Shared { registry, reports: Notify::new(), pending: Notify::new(), settled }) }
    }

    /// Puts an event into the queue of every matching subscriber that has room. To have none is fine. Answers its id.
    pub fn publish(&self, event: Event) -> Result<u64, BrokerError> {
        self.take(event, None).map(|taken| taken.id)
    }

    /// As [`Broker::publish`]; the receiver hears once the event is on disk, and an error if that fails. Nobody gets the
    /// event if storing fails already, so that whoever tries again and again is not heard again and again.
    pub(crate) fn publish_stored(&self, event: Event) -> Result<(Taken, oneshot::Receiver<()>), BrokerError> {
        let (stored, answer) = oneshot::channel();
        Ok((self.take(event, Some(stored))?, answer))
    }

    fn take(&self, event: Event, stored: Option<oneshot::Sender<()>>) -> Result<Taken, BrokerError> {
        let is_report = event::is_report(&event);
        let time_ms = now_ms();
        let taken = self.registry().publish(event, time_ms, stored)?;
        // A report that is missed is no reason for another report.
        if !taken.all_had_room && !is_report {
            self.shared.reports.notify_one();
        }
        if taken.stored {
            self.shared.pending.notify_one();
        }
        Ok(taken)
    }

    /// Registers a subscriber: it gets every matching event published after this returns, and is forgotten when the
    /// subscription is dropped.
    pub fn subscribe(&self, filter: Filter) -> Result<Subscription, BrokerError> {
        self.subscribe_as(filter, Origin::default())
    }

    /// As [`Broker::subscribe`], and says where the subscriber came from.
    pub fn subscribe_as(&self, filter: Filter, origin: Origin) -> Result<Subscription, BrokerError> {
        let queue = self.registry().subscribe(filter, origin, false)?;
        Ok(Subscription::new(self.clone(), queue))
    }

    /// As [`Broker::subscribe_as`] for someone who can read again what it misses: the stream ends when its queue is full.
    /// Also answers the newest id that the subscription does not get.
    pub fn subscribe_until_full(&self, filter: Filter, origin: Origin) -> Result<(Subscription, u64), BrokerError> {
        let mut registry = self.registry();
        let queue = registry.subscribe(filter, origin, true)?;
        let last_id = registry.last_id();
        drop(registry);
        Ok((Subscription::new(self.clone(), queue), last_id))
    }

    /// Takes nothing new any more; subscriptions end when their queues are empty.
    pub fn drain(&self) {
        self.registry().drain();
        self.shared.pending.notify_one();
    }

    /// Whether it takes nothing new any more.
    pub fn is_draining(&self) -> bool {
        self.registry().is_draining()
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.registry().subscribers()
    }

    /// Who they are.
    pub fn list_subscribers(&self) -> Vec<Subscriber> {
        self.registry().list_subscribers()
    }

    /// Topics that begin with a prefix, by name, and whether they are kept on disk.
    pub fn list_topics(&self, prefix: &str) -> Vec<(String, TopicCount, bool)> {
        let registry = self.registry();
        let with_place = |(topic, count): (String, _)| {
            let stored = registry.kept.is_stored(&topic);
            (topic, count, stored)
        };
        registry.topics.list(prefix).into_iter().map(with_place).collect()
    }

    /// Figures since the bus started.
    pub fn statistics(&self) -> Statistics {
        self.registry().statistics()
    }

    /// Waits until there is something to report: an event that was missed, for either reason, or a refusal.
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

    /// What was refused since the last call.
    pub fn take_denied(&self) -> Vec<Denied> {
        self.registry().take_denied()
    }

    /// Counts a refusal.
    pub fn deny(&self, socket: &str, action: &'static str, topic: &str) {
        self.registry().deny(socket, action, topic);
        self.shared.reports.notify_one();
    }

    /// Counts a connection that spoke neither protocol.
    pub(crate) fn unknown_protocol(&self) {
        self.registry().unknown_protocol();
    }

    /// Waits until there is something to store, or somebody waits for it to be stored.
    pub(crate) async fn pending(&self) {
        self.shared.pending.notified().await;
    }

    /// What is to be stored, and the newest id; with [`Broker::settle`] of that id it is done.
    pub(crate) fn take_pending(&self) -> (Vec<Pending>, u64) {
        let mut registry = self.registry();
        (registry.kept.take(), registry.last_id())
    }

    /// Kept events up to this id are on disk, or never will be.
    pub(crate) fn settle(&self, id: u64) {
        self.shared.settled.send_replace(id);
    }

    /// Waits until kept events up to this id are on disk, or never will be.
    pub(crate) async fn settled(&self, id: u64) {
        let mut settled = self.shared.settled.subscribe();
        self.shared.pending.notify_one();
        // The sender is in here too, so it cannot be gone.
        drop(settled.wait_for(|settled| *settled >= id).await);
    }

    /// Waits until the next events are on disk.
    pub(crate) async fn settles(&self) {
        let mut settled = self.shared.settled.subscribe();
        drop(settled.changed().await);
    }

    /// The disk takes nothing: what waits goes on waiting, and nobody waits for it any more.
    pub(crate) fn storing_fails(&self) {
        let mut registry = self.registry();
        let last_id = registry.last_id();
        registry.kept.failing = true;
        registry.kept.lost_to = last_id;
        drop(registry);
        self.settle(last_id);
    }

    /// The disk takes events again.
    pub(crate) fn storing_works(&self) {
        self.registry().kept.failing = false;
    }

    /// So many events up to this id are never going to be on disk.
    pub(crate) fn lose(&self, id: u64, events: u64) {
        self.registry().kept.lose(id, events);
    }

    /// The events in memory between two ids, and up to which id some may be missing for another reason than age.
    pub(crate) fn ring(&self, after: u64, to: u64) -> (Part, u64) {
        let registry = self.registry();
        (registry.kept.ring.between(after, to), registry.kept.lost_to)
    }

    /// The newest id in memory with a time before this one.
    pub(crate) fn ring_before(&self, time_ms: i64) -> u64 {
        self.registry().kept.ring.before(time_ms)
    }

    /// The newest id.
    pub fn last_id(&self) -> u64 {
        self.registry().last_id()
    }

    /// Whether events of topics with these prefixes may be on disk, and whether they may be in memory.
    pub(crate) fn places(&self, prefixes: &[String]) -> (bool, bool) {
        let registry = self.registry();
        let kept = &registry.kept.keep.prefixes;
        let on_disk = |prefix: &String| kept.iter().any(|kept| prefix.starts_with(kept) || kept.starts_with(prefix));
        let in_memory = |prefix: &String| !kept.iter().any(|kept| prefix.starts_with(kept));
        (
            prefixes.is_empty() && !kept.is_empty() || prefixes.iter().any(on_disk),
            prefixes.is_empty() || prefixes.iter().any(in_memory),
        )
    }

    pub(crate) fn replayed(&self, events: u64) {
        self.registry().replayed(events);
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

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemClock.now().as_millisecond()
}
