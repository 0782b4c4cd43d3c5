//! Events in.

use std::path::{Path, PathBuf};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use homeport_proto::pubservice::{self, pubsub_service_client::PubsubServiceClient};
use homeport_service::rpc::{self, Client};
use tonic::{Status, Streaming};

use crate::{Event, backoff::Backoff};

/// What a follower of the bus sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The subscription stands: every matching event published from now on arrives, unless this reader falls behind.
    Connected,
    /// An event.
    Event(Event),
    /// The bus is away, said once per outage, with the reason. Events of the meantime are missed.
    Lost(String),
}

/// The events whose `topic:value` starts with `prefix`; the empty prefix is all of them.
///
/// The stream never ends. While the bus is away it is silent, tries again after 100 ms to 2 s, and misses what is
/// published in the meantime; use [`watch`] to be told.
pub fn subscribe(socket: PathBuf, prefix: String) -> BoxStream<'static, Event> {
    watch(socket, prefix)
        .filter_map(async |notice| match notice {
            Notice::Event(event) => Some(event),
            Notice::Connected | Notice::Lost(_) => None,
        })
        .boxed()
}

/// As [`subscribe`], and tells when the subscription stands and when it is lost.
pub fn watch(socket: PathBuf, prefix: String) -> BoxStream<'static, Notice> {
    let follower =
        Follower { socket, prefix, client: None, events: None, backoff: Backoff::new(), lost: false, wait: false };
    stream::unfold(follower, async |mut follower| {
        let notice = follower.next().await;
        Some((notice, follower))
    })
    .boxed()
}

struct Follower {
    socket: PathBuf,
    prefix: String,
    client: Option<PubsubServiceClient<Client>>,
    events: Option<Streaming<pubservice::String>>,
    backoff: Backoff,
    /// Whether the present outage was reported.
    lost: bool,
    /// Whether to pause before the next attempt.
    wait: bool,
}

impl Follower {
    async fn next(&mut self) -> Notice {
        loop {
            let reason = match &mut self.events {
                Some(events) => match events.message().await {
                    Ok(Some(message)) => return Notice::Event(message.into()),
                    Ok(None) => "the bus ended the stream".to_owned(),
                    Err(status) => reason(&status),
                },
                None => match self.connect().await {
                    Ok(events) => {
                        self.events = Some(events);
                        self.backoff = Backoff::new();
                        self.lost = false;
                        return Notice::Connected;
                    }
                    Err(status) => reason(&status),
                },
            };
            self.events = None;
            self.wait = true;
            if !std::mem::replace(&mut self.lost, true) {
                return Notice::Lost(reason);
            }
        }
    }

    async fn connect(&mut self) -> Result<Streaming<pubservice::String>, Status> {
        if std::mem::take(&mut self.wait) {
            tokio::time::sleep(self.backoff.next()).await;
        }
        let client = self.client.get_or_insert_with(|| client(&self.socket));
        let request = pubservice::String { topic: self.prefix.clone(), value: String::new() };
        Ok(client.subscribe_topic(request).await?.into_inner())
    }
}

fn client(socket: &Path) -> PubsubServiceClient<Client> {
    PubsubServiceClient::new(rpc::connect_streaming(socket))
}

fn reason(status: &Status) -> String {
    homeport_service::telemetry::chain(status)
}
