//! Events in, from where the reader was.

mod obstacle;

use std::path::PathBuf;

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use homeport_proto::bus::v1::{
    self, Earliest, Live, SubscribeRequest, SubscribeResponse, bus_service_client::BusServiceClient,
    cursor::From as Start, gap::Reason, subscribe_response::Message,
};
use homeport_service::{
    rpc::{self, Client},
    telemetry::chain,
};
use tonic::{Status, Streaming};

use crate::{MAX_EVENT_BYTES, backoff::Backoff};

/// What an event with its id and time may take.
const MESSAGE_BYTES: usize = MAX_EVENT_BYTES + (64 << 10);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Behind the event with this id, the last one that was handled.
    After(u64),
    /// With the first event at or after this time, in milliseconds since 1970.
    Time(i64),
    /// With what is published from now on.
    Live,
    /// With the oldest event that is still kept.
    Earliest,
}

/// What a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The subscription stands.
    Connected,
    /// An event with id and time. Remember the id with what it led to, and nothing is handled twice.
    Event(v1::Event),
    /// What follows is published from now on. Said after each connection.
    CaughtUp,
    /// Events between two ids may be missing, because they are not kept any more, never were stored, or cannot be received.
    Gap(v1::Gap),
    /// The bus is away, said once per outage, with the reason. What is kept of the meantime follows when it is back.
    Lost(String),
}

/// The events whose topic starts with one of the prefixes (none: all of them), from a cursor on.
///
/// The stream never ends. While the bus is away it tries again after 100 ms to 2 s, and goes on behind the last event that
/// it saw, so nothing that is kept is missed or seen twice. An event that cannot be received, because the bus fails over it
/// or it is larger than any that the bus takes today, is stepped over after a few attempts and told as a [`Replay::Gap`].
///
/// ```no_run
/// # async fn example(context: homeport_service::Context, mut handled: u64) {
/// use futures::StreamExt as _;
/// use homeport_bus_client::{Cursor, Replay, subscribe_from};
///
/// let socket = context.paths().socket("bus");
/// let mut events = subscribe_from(socket, vec!["update:".to_owned()], Cursor::After(handled));
/// while let Some(seen) = events.next().await {
///     match seen {
///         Replay::Event(event) => handled = event.id,
///         Replay::Gap(gap) => tracing::warn!(bus.after_id = gap.after_id, "events are missing"),
///         Replay::Connected | Replay::CaughtUp | Replay::Lost(_) => {}
///     }
/// }
/// # }
/// ```
#[expect(clippy::needless_pass_by_value, reason = "as in the other ways to subscribe")]
pub fn subscribe_from(socket: PathBuf, prefixes: Vec<String>, cursor: Cursor) -> BoxStream<'static, Replay> {
    let client = BusServiceClient::new(rpc::connect_streaming(&socket)).max_decoding_message_size(MESSAGE_BYTES);
    let reader = Reader {
        prefixes,
        cursor,
        client,
        events: None,
        backoff: Backoff::new(),
        lost: false,
        wait: false,
        failures: 0,
    };
    stream::unfold(reader, async |mut reader| {
        let seen = reader.next().await;
        Some((seen, reader))
    })
    .boxed()
}

/// Why events of a gap are missing, for people.
pub fn why_missing(gap: &v1::Gap) -> &'static str {
    match gap.reason() {
        Reason::Expired => "they are older than what the bus keeps",
        Reason::NotStored => "the bus did not keep them",
        Reason::Unspecified => "they cannot be received",
    }
}

struct Reader {
    prefixes: Vec<String>,
    cursor: Cursor,
    client: BusServiceClient<Client>,
    events: Option<Streaming<SubscribeResponse>>,
    backoff: Backoff,
    /// Whether the present outage was reported.
    lost: bool,
    /// Whether to pause before the next attempt.
    wait: bool,
    /// Subscriptions in a row that failed before they said anything.
    failures: u32,
}

impl Reader {
    async fn next(&mut self) -> Replay {
        loop {
            let reason = match &mut self.events {
                Some(events) => match events.message().await {
                    Ok(Some(SubscribeResponse { message: Some(message) })) => return self.remember(message),
                    // Something that a newer bus says.
                    Ok(Some(_)) => continue,
                    Ok(None) => "the bus ended the stream".to_owned(),
                    Err(status) => {
                        self.failures += u32::from(obstacle::may_be(&status));
                        chain(&status)
                    }
                },
                None if self.failures >= obstacle::PATIENCE => {
                    self.failures = 0;
                    match self.step_over().await {
                        Some(gap) => return Replay::Gap(gap),
                        None => continue,
                    }
                }
                None => match self.connect().await {
                    Ok(events) => {
                        self.events = Some(events);
                        self.lost = false;
                        return Replay::Connected;
                    }
                    Err(status) => chain(&status),
                },
            };
            self.events = None;
            self.wait = true;
            if !std::mem::replace(&mut self.lost, true) {
                return Replay::Lost(reason);
            }
        }
    }

    async fn connect(&mut self) -> Result<Streaming<SubscribeResponse>, Status> {
        if std::mem::take(&mut self.wait) {
            tokio::time::sleep(self.backoff.next()).await;
        }
        self.subscribe(self.cursor).await
    }

    async fn subscribe(&mut self, cursor: Cursor) -> Result<Streaming<SubscribeResponse>, Status> {
        let request = SubscribeRequest { prefixes: self.prefixes.clone(), cursor: Some(cursor.into()) };
        Ok(self.client.subscribe(request).await?.into_inner())
    }

    fn remember(&mut self, message: Message) -> Replay {
        self.backoff = Backoff::new();
        self.failures = 0;
        match message {
            Message::Event(event) => {
                self.cursor = Cursor::After(event.id);
                Replay::Event(event)
            }
            Message::CaughtUp(caught_up) => {
                self.cursor = Cursor::After(caught_up.id);
                Replay::CaughtUp
            }
            // Kept events of that part may still follow, so this is no place to go on from.
            Message::Gap(gap) => Replay::Gap(gap),
        }
    }
}

impl From<Cursor> for v1::Cursor {
    fn from(cursor: Cursor) -> Self {
        let from = match cursor {
            Cursor::After(id) => Start::AfterId(id),
            Cursor::Time(time_ms) => Start::Time(timestamp(time_ms)),
            Cursor::Live => Start::Live(Live {}),
            Cursor::Earliest => Start::Earliest(Earliest {}),
        };
        Self { from: Some(from) }
    }
}

fn timestamp(time_ms: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time_ms.div_euclid(1000),
        nanos: i32::try_from(time_ms.rem_euclid(1000) * 1_000_000).unwrap_or_default(),
    }
}
