//! What the bus keeps, for a client that asks for the past: on a subscription of its own, at the client's pace.

use std::path::PathBuf;

use futures::{Stream, StreamExt as _, future::ready};
use homeport_bus_client::{Cursor, Replay, subscribe_from, why_missing};
use homeport_proto::bus::v1::{Event, Gap};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Frame, Prefixes};

/// The events from a cursor on, numbered as the bus numbers them, and on as they are published.
pub(crate) fn kept(
    socket: PathBuf,
    prefixes: Prefixes,
    cursor: Cursor,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Utf8Bytes> + Send {
    subscribe_from(socket, prefixes.into_list(), cursor).filter_map(move |seen| {
        // Held for as long as somebody reads.
        let _held = &permit;
        ready(frame(seen).map(|frame| frame.encode().into()))
    })
}

fn frame(seen: Replay) -> Option<Frame> {
    match seen {
        Replay::Event(event) => Some(Frame { name: None, id: Some(event.id), data: happened(&event) }),
        Replay::CaughtUp => Some(Frame { name: Some("caught-up".to_owned()), id: None, data: "{}".to_owned() }),
        Replay::Gap(gap) => Some(Frame { name: Some("dropped".to_owned()), id: None, data: missing(&gap) }),
        // Nothing is missed: it goes on from there when the bus is back.
        Replay::Connected | Replay::Lost(_) => None,
    }
}

fn happened(event: &Event) -> String {
    let time = event.time.as_ref().and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    json!({ "topic": event.topic, "value": event.value, "time": time }).to_string()
}

/// Nobody knows how many there were.
fn missing(gap: &Gap) -> String {
    json!({ "count": null, "after_id": gap.after_id, "last_id": gap.last_id, "reason": why_missing(gap) }).to_string()
}

#[cfg(test)]
mod tests {
    use homeport_proto::bus::v1::gap::Reason;

    use super::*;

    #[test]
    fn an_event_has_the_number_and_the_time_of_the_bus() {
        let time = Some(prost_types::Timestamp { seconds: 1, nanos: 500_000_000 });
        let event = Event { id: 7, topic: "a:b".to_owned(), value: "{}".to_owned(), time };
        let text = frame(Replay::Event(event)).unwrap().encode();
        assert_eq!(text, "id: 7\ndata: {\"time\":\"1970-01-01T00:00:01.5Z\",\"topic\":\"a:b\",\"value\":\"{}\"}\n\n");
    }

    #[test]
    fn what_is_missing_is_told() {
        let gap = Gap { after_id: 3, last_id: 9, reason: Reason::Expired.into() };
        let frame = frame(Replay::Gap(gap)).unwrap();
        assert_eq!((frame.name.as_deref(), frame.id), (Some("dropped"), None));
        assert!(
            frame.data.contains("\"after_id\":3,\"count\":null,\"last_id\":9,\"reason\":\"they are older"),
            "{frame:?}"
        );
    }
}
