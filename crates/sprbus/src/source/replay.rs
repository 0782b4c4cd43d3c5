//! Events from a point in the past on, without a gap that is not told.

use std::path::Path;

use futures::stream::BoxStream;
use homeport_bus_client::{Cursor, Event, Since, why_missing};
use homeport_proto::bus::v1::{
    SubscribeRequest, SubscribeResponse, bus_service_client::BusServiceClient, subscribe_response::Message,
};
use homeport_service::{
    clock::{Clock as _, SystemClock},
    rpc::{self, Client},
    telemetry::chain,
};
use jiff::Timestamp;
use tonic::{Code, Response, Streaming};

use super::{
    Notice,
    follow::{self, Failure, Origin},
};

/// An event of the largest size with its id and time.
const MESSAGE_BYTES: usize = 4_259_840;

/// Every event of a prefix since then, and on through every restart of the bus.
pub(super) fn follow(socket: &Path, since: Since, prefix: String) -> BoxStream<'static, anyhow::Result<Notice>> {
    let client = BusServiceClient::new(rpc::connect_streaming(socket)).max_decoding_message_size(MESSAGE_BYTES);
    let cursor = since.cursor(SystemClock.now());
    follow::follow(Log { client, cursor, prefix })
}

struct Log {
    client: BusServiceClient<Client>,
    /// Where to go on.
    cursor: Cursor,
    prefix: String,
}

impl Origin for Log {
    type Open = Streaming<SubscribeResponse>;

    async fn open(&mut self) -> Result<Self::Open, Failure> {
        let prefixes = if self.prefix.is_empty() { vec![] } else { vec![self.prefix.clone()] };
        let request = SubscribeRequest { prefixes, cursor: Some(self.cursor.into()) };
        let answer = self.client.subscribe(request).await;
        answer.map(Response::into_inner).map_err(|status| match status.code() {
            Code::Unimplemented => Failure::Refused("this bus keeps no events; follow it without -since".to_owned()),
            Code::PermissionDenied | Code::InvalidArgument => {
                Failure::Refused(format!("the bus refuses: {}", status.message()))
            }
            _ => status.into(),
        })
    }

    async fn read(&mut self, open: &mut Self::Open) -> Result<Option<Notice>, String> {
        match open.message().await {
            Ok(Some(message)) => Ok(self.take(message)),
            Ok(None) => Err("the bus ended the stream".to_owned()),
            Err(status) => Err(chain(&status)),
        }
    }
}

impl Log {
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
                let (first, last, why) = (gap.after_id + 1, gap.last_id, why_missing(&gap));
                Some(Notice::Missing(format!("events {first} to {last} may be missing: {why}")))
            }
        }
    }
}
