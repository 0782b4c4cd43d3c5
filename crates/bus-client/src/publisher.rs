//! Events out.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use homeport_proto::{
    bus::v1::{PublishRequest, bus_service_client::BusServiceClient},
    pubservice::{self, pubsub_service_client::PubsubServiceClient},
};
use homeport_service::{
    Context,
    rpc::{self, Client},
    telemetry::chain,
};
use serde::Serialize;
use tokio::sync::mpsc;
use tonic::{Code, Status};

use crate::{Event, MAX_EVENT_BYTES, backoff::Backoff};

/// Events that wait for the bus at most; then new ones are dropped. Enough for minutes of an update's progress.
pub const QUEUE_EVENTS: usize = 1024;
/// Bytes of topics and values that wait for the bus at most; then new events are dropped.
pub const QUEUE_BYTES: usize = 4 * MAX_EVENT_BYTES;

/// Why an event was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The bus was away, or went away before it answered. The event may have been delivered; trying again can help.
    #[error("the event bus did not acknowledge {topic}; try again when it is back")]
    Unavailable {
        /// Topic of the event.
        topic: String,
        /// What the transport said.
        #[source]
        source: Box<Status>,
    },
    /// The bus does not take this event. Trying again does not help.
    #[error("the event bus refused {topic}")]
    Refused {
        /// Topic of the event.
        topic: String,
        /// What the bus said.
        #[source]
        source: Box<Status>,
    },
}

impl PublishError {
    fn new(topic: String, status: Status) -> Self {
        let source = Box::new(status);
        match source.code() {
            // What tonic makes of a connection that cannot be opened, breaks, or stays silent.
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded => {
                Self::Unavailable { topic, source }
            }
            _ => Self::Refused { topic, source },
        }
    }

    /// Whether the same event can get through later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The way out for events of one process. Cheap to clone.
///
/// One task sends them, one after the other, so events arrive in the order in which one thread published them. While
/// the bus is away they wait, up to [`QUEUE_EVENTS`] and [`QUEUE_BYTES`]; what comes then is dropped and counted. An
/// event whose acknowledgement was lost is sent again, so subscribers may see it twice.
///
/// The task ends when every clone is gone and what was queued is out; while the service drains, it does not wait for a
/// bus that is away.
#[derive(Debug, Clone)]
pub struct Publisher {
    queue: mpsc::Sender<Event>,
    client: PubsubServiceClient<Client>,
    acknowledged: BusServiceClient<Client>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    dropped: AtomicU64,
    queued_bytes: AtomicUsize,
}

impl Publisher {
    /// A publisher to the bus on this socket. Connects with the first event, and again whenever it has to.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new(socket: PathBuf, context: &Context) -> Self {
        let (queue, events) = mpsc::channel(QUEUE_EVENTS);
        let client = client(&socket);
        let acknowledged = BusServiceClient::new(rpc::connect(&socket));
        let counters = Arc::new(Counters::default());
        let sender = Sender {
            socket,
            client: client.clone(),
            counters: Arc::clone(&counters),
            context: context.clone(),
            away: false,
        };
        context.spawn("bus-publisher", sender.run(events));
        Self { queue, client, acknowledged, counters }
    }

    /// Publishes an event, its payload as JSON. Returns at once; see [`Publisher`] for what happens then.
    pub fn publish(&self, topic: impl Into<String>, payload: &impl Serialize) {
        let topic = topic.into();
        match serde_json::to_string(payload) {
            Ok(value) => self.enqueue(Event { topic, value }),
            Err(error) => {
                tracing::error!(
                    bus.topic = topic,
                    error = chain(&error),
                    "an event's payload is no JSON; it is dropped"
                );
                self.counters.drop_one();
            }
        }
    }

    /// Publishes an event and waits until the bus has it on disk, or in memory if its topic is not kept, for 10 s at most.
    /// The value is sent as it is.
    ///
    /// ```no_run
    /// # async fn example(publisher: homeport_bus_client::Publisher) {
    /// let value = r#"{"file": "photos.tar"}"#;
    /// while let Err(error) = publisher.deliver("backup:done", value).await {
    ///     tracing::warn!(error = homeport_service::telemetry::chain(&error), "backup:done is not told yet");
    ///     if !error.is_retryable() {
    ///         break;
    ///     }
    ///     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    /// }
    /// # }
    /// ```
    pub async fn deliver(&self, topic: impl Into<String>, value: impl Into<String>) -> Result<(), PublishError> {
        let event = Event { topic: topic.into(), value: value.into() };
        let request = PublishRequest { topic: event.topic.clone(), value: event.value.clone() };
        match self.acknowledged.clone().publish(request).await {
            Ok(_) => Ok(()),
            // The bus is still the one of the version before.
            Err(status) if status.code() == Code::Unimplemented => send(&mut self.client.clone(), &event).await,
            Err(status) => Err(PublishError::new(event.topic, status)),
        }
    }

    /// [`Publisher::deliver`] for what takes events from an outbox in order. An event that the bus will never take counts
    /// as told, and the log says so: everything behind it would wait for ever.
    pub async fn relay(&self, topic: String, payload: &serde_json::Value) -> Result<(), PublishError> {
        match self.deliver(topic, payload.to_string()).await {
            Err(error) if !error.is_retryable() => {
                tracing::error!(error = chain(&error), "an event of the outbox is dropped");
                Ok(())
            }
            result => result,
        }
    }

    /// How many events were dropped since the process started.
    pub fn dropped(&self) -> u64 {
        self.counters.dropped.load(Ordering::Relaxed)
    }

    fn enqueue(&self, event: Event) {
        let size = size(&event);
        let before = self.counters.queued_bytes.fetch_add(size, Ordering::Relaxed);
        if size > MAX_EVENT_BYTES || before + size > QUEUE_BYTES || self.queue.try_send(event).is_err() {
            self.counters.queued_bytes.fetch_sub(size, Ordering::Relaxed);
            self.counters.drop_one();
        }
    }
}

impl Counters {
    fn drop_one(&self) {
        let before = self.dropped.fetch_add(1, Ordering::Relaxed);
        // The first of each power of two, so that a long outage does not fill the log.
        if (before + 1).is_power_of_two() {
            tracing::warn!(bus.dropped = before + 1, "events are dropped: the bus does not take them");
        }
    }
}

/// Publishes one event and waits until the bus has taken it, for 10 s at most: for a process that has nothing else to
/// say. Others keep a [`Publisher`].
pub async fn deliver(socket: &Path, topic: String, value: String) -> Result<(), PublishError> {
    send(&mut client(socket), &Event { topic, value }).await
}

/// The task behind a [`Publisher`].
struct Sender {
    socket: PathBuf,
    client: PubsubServiceClient<Client>,
    counters: Arc<Counters>,
    context: Context,
    away: bool,
}

impl Sender {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            if !self.send(&event).await {
                self.counters.drop_one();
            }
            self.counters.queued_bytes.fetch_sub(size(&event), Ordering::Relaxed);
        }
    }

    /// Sends until the bus has answered, and tells whether it took the event.
    async fn send(&mut self, event: &Event) -> bool {
        let mut backoff = Backoff::new();
        loop {
            match send(&mut self.client, event).await {
                Ok(()) => {
                    if std::mem::take(&mut self.away) {
                        tracing::info!(bus.socket = %self.socket.display(), "the event bus is back");
                    }
                    return true;
                }
                Err(error) if error.is_retryable() => {
                    if !std::mem::replace(&mut self.away, true) {
                        tracing::info!(
                        bus.socket = %self.socket.display(),
                        error = chain(&error),
                        "the event bus is away; events wait"
                        );
                    }
                    tokio::select! {
                        () = tokio::time::sleep(backoff.next()) => {}
                        () = self.context.drain().cancelled() => return false,
                    }
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), "an event is dropped");
                    return false;
                }
            }
        }
    }
}

fn client(socket: &Path) -> PubsubServiceClient<Client> {
    PubsubServiceClient::new(rpc::connect(socket))
}

pub(crate) async fn send(client: &mut PubsubServiceClient<Client>, event: &Event) -> Result<(), PublishError> {
    let message = pubservice::String { topic: event.topic.clone(), value: event.value.clone() };
    client.publish(message).await.map(drop).map_err(|status| PublishError::new(event.topic.clone(), status))
}

const fn size(event: &Event) -> usize {
    event.topic.len() + event.value.len()
}
