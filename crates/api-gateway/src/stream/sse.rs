//! Events as `text/event-stream`.

use std::{future::Future, time::Duration};

use axum::{
    Extension,
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Subscription, Taken};
use crate::{extract::Params, listener::Ending};

/// How long a client waits before it comes back.
const RETRY: &str = "retry: 1000\n";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const KEEPALIVE: Utf8Bytes = Utf8Bytes::from_static(": keepalive\n\n");

/// One event as it stands in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frame {
    /// Name that browsers' listeners go by. Unset: none.
    pub(crate) name: Option<String>,
    /// Number to come back with. Unset: none.
    pub(crate) id: Option<u64>,
    /// One line of text.
    pub(crate) data: String,
}

impl Frame {
    /// The text of the event.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::with_capacity(self.data.len() + 64);
        if let Some(name) = &self.name {
            text.extend(["event: ", name, "\n"]);
        }
        if let Some(id) = self.id {
            text.extend(["id: ", &id.to_string(), "\n"]);
        }
        // A line break would end the field; compact JSON has none.
        for line in self.data.split('\n') {
            text.extend(["data: ", line, "\n"]);
        }
        text.push('\n');
        text
    }
}

/// The event after which a client wants to go on: `Last-Event-ID`, or `?last_event_id=` for those that cannot set headers.
pub(crate) fn last_event_id(headers: &HeaderMap, params: &Params) -> Option<u64> {
    let header = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    header.or_else(|| params.text("last_event_id"))?.parse().ok()
}

/// A response that says `first`, then the texts of events, until `over`, and in each silence of `keepalive` a comment.
pub(crate) fn response<T, F>(texts: T, first: &Frame, keepalive: Duration, over: F) -> Response
where
    T: Stream<Item = Utf8Bytes> + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let greeting = format!("{RETRY}{}", first.encode());
    let (ending, end) = Ending::with(over);
    let texts = stream::once(async move { greeting.into() })
        .chain(kept_alive(texts, keepalive))
        .take_until(end)
        .map(|text| Ok::<_, std::convert::Infallible>(Bytes::from(text)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (Extension(ending), headers, Body::from_stream(texts)).into_response()
}

fn kept_alive(
    texts: impl Stream<Item = Utf8Bytes> + Send,
    keepalive: Duration,
) -> impl Stream<Item = Utf8Bytes> + Send {
    stream::unfold(Box::pin(texts), move |mut texts| async move {
        match tokio::time::timeout(keepalive, texts.next()).await {
            Ok(text) => text.map(|text| (text, texts)),
            Err(_) => Some((KEEPALIVE, texts)),
        }
    })
}

impl Subscription {
    /// What `translate` makes of each thing that it brings.
    pub(crate) fn texts<T>(self, translate: T) -> impl Stream<Item = Utf8Bytes> + Send
    where
        T: Fn(&Taken) -> Option<Utf8Bytes> + Send + Sync,
    {
        stream::unfold((self, translate), |(mut subscription, translate)| async {
            loop {
                if let Some(text) = translate(&subscription.next().await) {
                    return Some((text, (subscription, translate)));
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_lines_and_an_empty_one() {
        let frame = Frame { name: Some("update.progress".to_owned()), id: Some(7), data: "{}".to_owned() };
        assert_eq!(frame.encode(), "event: update.progress\nid: 7\ndata: {}\n\n");
        let frame = Frame { data: "a\nb".to_owned(), ..Frame::default() };
        assert_eq!(frame.encode(), "data: a\ndata: b\n\n");
    }
}
