//! One subscription of the bus, many clients.
//!
//! Clients that want the same are looked at together, and what an event looks like to them is written once. Every event gets
//! a number and a place in a ring. Each client has a queue of its own; nobody waits for anybody. In a
//! full queue progress that a later event repeats gives way first, then the oldest event; the client is told how many
//! it missed, and can come back with the last number that it saw.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Interest;
use crate::metrics;

/// Something that happened, as the bus told it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Grows with each event, also over restarts of the gateway.
    pub(crate) id: u64,
    pub(crate) topic: String,
    /// The payload, usually JSON text.
    pub(crate) value: String,
    /// A later event says the same and more.
    pub(crate) transient: bool,
    forms: Forms,
}

/// How clients see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A message of a websocket.
    Message,
    /// What stands in the stream of all events.
    Plain,
}

/// What an event looks like, once somebody wanted to see it.
#[derive(Debug, Default)]
struct Forms([OnceLock<Utf8Bytes>; 2]);

/// Forms follow from the rest.
impl PartialEq for Forms {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Forms {}

impl Event {
    /// The event in a form, written by whoever wants it first.
    pub(crate) fn form(&self, form: Form, write: impl FnOnce(&Self) -> String) -> Utf8Bytes {
        let Forms(forms) = &self.forms;
        forms[form as usize].get_or_init(|| write(self).into()).clone()
    }

    fn size(&self) -> usize {
        self.topic.len() + self.value.len()
    }
}

/// How much of everything there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Events in the ring.
    pub(crate) ring: usize,
    /// Bytes in the ring.
    pub(crate) ring_bytes: usize,
    /// Events in the queue of a client.
    pub(crate) queue: usize,
    /// Bytes in the queue of a client; one event may always be there.
    pub(crate) queue_bytes: usize,
    /// Clients.
    pub(crate) clients: usize,
}

/// The ring and the clients.
#[derive(Debug)]
pub(crate) struct Hub {
    limits: Limits,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    next_id: u64,
    /// The oldest number whose event, and all since, a client can still be given.
    complete_from: u64,
    ring: VecDeque<Arc<Event>>,
    ring_bytes: usize,
    next_client: u64,
    count: usize,
    /// By what they want, and by number.
    clients: HashMap<Interest, HashMap<u64, Arc<Client>>>,
}

#[derive(Debug, Default)]
struct Client {
    queue: Mutex<Queue>,
    /// There is something in the queue.
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    dropped: u64,
    /// Events were lost before they came here, nobody knows how many.
    gap: bool,
}

/// What a client gets next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// An event.
    Event(Arc<Event>),
    /// This many events were left out here because the client was slow. 0: an unknown number, before they got here.
    Dropped(u64),
}

impl Hub {
    /// A hub without clients. `now` is where the numbering starts, so that numbers of an earlier process are older.
    pub(crate) fn new(limits: Limits, now: Timestamp) -> Self {
        let start = u64::try_from(now.as_microsecond()).unwrap_or_default();
        let inner = Inner {
            next_id: start,
            complete_from: start,
            ring: VecDeque::new(),
            ring_bytes: 0,
            next_client: 0,
            count: 0,
            clients: HashMap::new(),
        };
        Self { limits, inner: Mutex::new(inner) }
    }

    /// Gives an event to everybody who wants it. Never waits.
    pub(crate) fn publish(&self, topic: String, value: String, transient: bool) {
        let mut inner = lock(&self.inner);
        let event = Arc::new(Event { id: inner.next_id, topic, value, transient, forms: Forms::default() });
        inner.next_id += 1;
        for (_, clients) in inner.clients.iter().filter(|(interest, _)| interest.takes(&event.topic)) {
            for client in clients.values() {
                client.push(&event, &self.limits);
            }
        }
        inner.ring_bytes += event.size();
        inner.ring.push_back(event);
        while inner.ring.len() > self.limits.ring || inner.ring_bytes > self.limits.ring_bytes {
            let Some(oldest) = inner.ring.pop_front() else { break };
            inner.ring_bytes -= oldest.size();
            inner.complete_from = oldest.id + 1;
        }
    }

    /// Tells everybody that events were missed, because the bus was away.
    pub(crate) fn interrupted(&self) {
        let mut inner = lock(&self.inner);
        // A number of its own, so that whoever comes back with an older one is told as well.
        inner.next_id += 1;
        inner.complete_from = inner.next_id;
        for client in inner.clients.values().flat_map(HashMap::values) {
            lock(&client.queue).gap = true;
            client.filled.notify_one();
        }
    }

    /// A new client, beginning after the event numbered `after` if it names one. A number that was never given here is
    /// somebody else's, and says nothing about what the client saw: it gets all there is. `None`: there are too many.
    pub(crate) fn subscribe(self: &Arc<Self>, interest: Interest, after: Option<u64>) -> Option<Subscription> {
        let mut inner = lock(&self.inner);
        if inner.count >= self.limits.clients {
            return None;
        }
        let client = Arc::new(Client::default());
        if let Some(after) = after.map(|after| if after < inner.next_id { after } else { 0 }) {
            lock(&client.queue).gap = after.saturating_add(1) < inner.complete_from;
            for event in inner.ring.iter().filter(|event| event.id > after && interest.takes(&event.topic)) {
                client.push(event, &self.limits);
            }
            client.filled.notify_one();
        }
        let number = inner.next_client;
        inner.next_client += 1;
        inner.count += 1;
        inner.clients.entry(interest.clone()).or_default().insert(number, Arc::clone(&client));
        Some(Subscription { hub: Arc::clone(self), interest, number, client, held: metrics::Held::stream_client() })
    }
}

impl Client {
    fn push(&self, event: &Arc<Event>, limits: &Limits) {
        let mut queue = lock(&self.queue);
        while queue.events.len() >= limits.queue || queue.bytes + event.size() > limits.queue_bytes {
            let least = queue.events.iter().position(|event| event.transient).unwrap_or(0);
            let Some(least) = queue.events.remove(least) else { break };
            queue.bytes -= least.size();
            queue.dropped += 1;
            metrics::count_dropped(1);
        }
        queue.bytes += event.size();
        queue.events.push_back(Arc::clone(event));
        drop(queue);
        self.filled.notify_one();
    }

    fn take(&self) -> Option<Taken> {
        let mut queue = lock(&self.queue);
        if std::mem::take(&mut queue.gap) {
            return Some(Taken::Dropped(0));
        }
        if queue.dropped > 0 {
            return Some(Taken::Dropped(std::mem::take(&mut queue.dropped)));
        }
        let event = queue.events.pop_front()?;
        queue.bytes -= event.size();
        Some(Taken::Event(event))
    }
}

/// A client's end of the hub. Dropping it is leaving.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    interest: Interest,
    number: u64,
    client: Arc<Client>,
    #[expect(dead_code, reason = "counts the client for as long as it lives")]
    held: metrics::Held,
}

impl Subscription {
    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Taken {
        loop {
            if let Some(taken) = self.client.take() {
                return taken;
            }
            self.client.filled.notified().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut inner = lock(&self.hub.inner);
        inner.count -= 1;
        if let Entry::Occupied(mut alike) = inner.clients.entry(self.interest.clone()) {
            alike.get_mut().remove(&self.number);
            if alike.get().is_empty() {
                alike.remove();
            }
        }
    }
}

/// No code that holds one of these locks can panic half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::stream::{Channel, Prefixes};

    fn hub(ring: usize, queue: usize) -> Arc<Hub> {
        let limits = Limits { ring, ring_bytes: 1_000, queue, queue_bytes: 200, clients: 2 };
        Arc::new(Hub::new(limits, Timestamp::from_microsecond(1_000).unwrap()))
    }

    fn publish(hub: &Hub, values: &[&str]) {
        for value in values {
            hub.publish("update:progress".to_owned(), (*value).to_owned(), value.starts_with("progress"));
        }
    }

    fn everything() -> Interest {
        Interest { channel: Channel::EVERYTHING, prefixes: Prefixes::default() }
    }

    fn subscribe(hub: &Arc<Hub>, after: Option<u64>) -> Subscription {
        hub.subscribe(everything(), after).unwrap()
    }

    /// All that a client can take without waiting.
    fn drain(subscription: &mut Subscription) -> Vec<String> {
        std::iter::from_fn(|| subscription.next().now_or_never())
            .map(|taken| match taken {
                Taken::Event(event) => event.value.clone(),
                Taken::Dropped(count) => format!("dropped {count}"),
            })
            .collect()
    }

    #[tokio::test]
    async fn progress_gives_way_before_results() {
        let hub = hub(8, 3);
        let mut client = subscribe(&hub, None);
        publish(&hub, &["progress 1", "done 1", "progress 2", "done 2", "done 3"]);
        assert_eq!(drain(&mut client), ["dropped 2", "done 1", "done 2", "done 3"]);
        publish(&hub, &["done 4", "done 5", "done 6", "done 7"]);
        assert_eq!(drain(&mut client), ["dropped 1", "done 5", "done 6", "done 7"]);
    }

    #[tokio::test]
    async fn whoever_comes_back_gets_what_was_missed() {
        let hub = hub(2, 8);
        publish(&hub, &["1", "2", "3"]);
        let mut all = subscribe(&hub, Some(1_000));
        assert_eq!(drain(&mut all), ["2", "3"], "event 1000 was seen, 1001 and 1002 are in the ring");
        drop(all);
        let mut older = subscribe(&hub, Some(7));
        assert_eq!(drain(&mut older), ["dropped 0", "2", "3"], "a number of another process");
        let mut fresh = subscribe(&hub, None);
        assert_eq!(drain(&mut fresh), Vec::<String>::new());
    }

    #[tokio::test]
    async fn whoever_comes_back_with_a_number_of_the_future_is_told_as_well() {
        for ahead in [1_003, 1_004, u64::MAX] {
            let hub = hub(2, 8);
            publish(&hub, &["1", "2", "3"]);
            let mut newer = subscribe(&hub, Some(ahead));
            publish(&hub, &["4"]);
            assert_eq!(drain(&mut newer), ["dropped 0", "2", "3", "4"], "{ahead}");
        }
        let hub = hub(2, 8);
        publish(&hub, &["1", "2", "3"]);
        let mut newest = subscribe(&hub, Some(1_002));
        assert_eq!(drain(&mut newest), Vec::<String>::new(), "it saw the last one");
    }

    #[tokio::test]
    async fn an_outage_of_the_bus_is_told_to_all() {
        let hub = hub(8, 8);
        publish(&hub, &["1"]);
        let mut client = subscribe(&hub, Some(1_000));
        hub.interrupted();
        publish(&hub, &["2"]);
        assert_eq!(drain(&mut client), ["dropped 0", "2"]);
        let mut later = subscribe(&hub, Some(1_000));
        assert_eq!(drain(&mut later), ["dropped 0", "2"]);
    }

    #[tokio::test]
    async fn a_topic_that_is_not_wanted_takes_no_place() {
        let hub = hub(8, 1);
        let channel = Channel { name: "docker", takes: |topic| topic == "docker" };
        let mut client = hub.subscribe(Interest { channel, ..everything() }, None).unwrap();
        publish(&hub, &["1", "2"]);
        assert_eq!(drain(&mut client), Vec::<String>::new());
    }

    #[tokio::test]
    async fn bytes_are_bounded_too() {
        let hub = hub(8, 8);
        let mut client = subscribe(&hub, None);
        let large = "x".repeat(900);
        publish(&hub, &["1", &large, "2"]);
        assert_eq!(
            drain(&mut client),
            ["dropped 2", "2"],
            "a large one pushes out all before it, and gives way itself"
        );
        let mut later = subscribe(&hub, Some(1_000));
        assert_eq!(drain(&mut later), ["dropped 1", "2"], "the ring holds both");
        publish(&hub, &[&large]);
        drop(client);
        let mut later = subscribe(&hub, Some(1_000));
        assert_eq!(drain(&mut later), ["dropped 0", "dropped 1", large.as_str()], "the ring holds the last two");
    }

    #[tokio::test]
    async fn an_event_is_written_once() {
        let hub = hub(8, 8);
        let (mut one, mut other) = (subscribe(&hub, None), subscribe(&hub, None));
        publish(&hub, &["1"]);
        for (client, text) in [(&mut one, "first"), (&mut other, "second")] {
            let Taken::Event(event) = client.next().await else { panic!("no event") };
            assert_eq!(event.form(Form::Message, |_| text.to_owned()).as_str(), "first");
            assert_eq!(event.form(Form::Plain, |_| "plain".to_owned()).as_str(), "plain");
        }
    }

    #[tokio::test]
    async fn clients_are_bounded_and_leave() {
        let hub = hub(8, 1);
        let first = subscribe(&hub, None);
        let _second = subscribe(&hub, None);
        assert!(hub.subscribe(everything(), None).is_none());
        drop(first);
        assert!(hub.subscribe(everything(), None).is_some());
    }
}
