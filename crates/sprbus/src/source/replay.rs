//! Events from a point in the past on, without a gap that is not told.

use std::path::Path;

use anyhow::bail;
use futures::stream::BoxStream;
use homeport_bus_client::{Cursor, Event, Since};
use homeport_proto::bus::v1::{
    SubscribeRequest, SubscribeResponse, bus_service_client::BusServiceClient, gap::Reason, subscribe_response::Message,
};
use homeport_service::{
    clock::{Clock as _, SystemClock},
    rpc::{self, Client},
    telemetry::chain,
};
use jiff::Timestamp;
use tonic::{Code, Status, Streaming};

use super::{Follow, Notice, pause::Pause};

/// An event of the largest size with its id and time.
const MESSAGE_BYTES: usize = 4_259_840;

/// Every event of a prefix since then, and on through every restart of the bus.
pub(super) fn follow(socket: &Path, since: Since, prefix: String) -> BoxStream<'static, anyhow::Result<Notice>> {
    let client = BusServiceClient::new(rpc::connect_streaming(socket)).max_decoding_message_size(MESSAGE_BYTES);
    let cursor = since.cursor(SystemClock.now());
    Follower { client, cursor, prefix, events: None, pause: Pause::new(), lost: false }.into_stream()
}

struct Follower {
    client: BusServiceClient<Client>,
    /// Where to go on.
    cursor: Cursor,
    prefix: String,
    events: Option<Streaming<SubscribeResponse>>,
    pause: Pause,
    /// Whether the present outage was told.
    lost: bool,
}

impl Follow for Follower {
    async fn next(&mut self) -> anyhow::Result<Notice> {
        loop {
            let reason = match &mut self.events {
                Some(events) => match events.message().await {
                    Ok(Some(message)) => match self.take(message) {
                        Some(notice) => return Ok(notice),
                        None => continue,
                    },
                    Ok(None) => "the bus ended the stream".to_owned(),
                    Err(status) => chain(&status),
                },
                None => match self.connect().await {
                    Ok(events) => {
                        self.events = Some(events);
                        self.pause.reset();
                        self.lost = false;
                        return Ok(Notice::Connected);
                    }
                    Err(status) => match status.code() {
                        Code::Unimplemented => bail!("this bus keeps no events; follow it without -since"),
                        Code::PermissionDenied | Code::InvalidArgument => {
                            bail!("the bus refuses: {}", status.message())
                        }
                        _ => chain(&status),
                    },
                },
            };
            self.events = None;
            if !std::mem::replace(&mut self.lost, true) {
                return Ok(Notice::Lost(reason));
            }
        }
    }
}

impl Follower {
    async fn connect(&mut self) -> Result<Streaming<SubscribeResponse>, Status> {
        self.pause.wait().await;
        let prefixes = if self.prefix.is_empty() { vec![] } else { vec![self.prefix.clone()] };
        let request = SubscribeRequest { prefixes, cursor: Some(self.cursor.into()) };
        Ok(self.client.subscribe(request).await?.into_inner())
    }

    fn take(&mut self, message: SubscribeResponse) -> Option<Notice> {
        match message.message? {
            Message::Event(event) => {
                self.cursor = Cursor::After(event.id);
                let time = event.time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
                Some(Notice::Event(Event { topic: event.topic, value: event.value }, time))
            }
            Message::CaughtUp(caught_up) => {
                // Nothing came of these topics, but there is no need to look through it all again.
                self.cursor = Cursor::After(caught_up.id);
                None
            }
            Message::Gap(gap) => {
                let why = match gap.reason() {
                    Reason::Expired => "they are older than what the bus keeps",
                    Reason::NotStored | Reason::Unspecified => "the bus did not keep them",
                };
                Some(Notice::Missing(format!("events {} to {} may be missing: {why}", gap.after_id + 1, gap.last_id)))
            }
        }
    }
}
