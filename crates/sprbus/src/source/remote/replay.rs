//! The past of another machine's bus and what follows it, as its API streams them.

use std::time::Instant;

use anyhow::{Context as _, anyhow};
use form_urlencoded::Serializer;
use futures::{StreamExt as _, stream::BoxStream};
use homeport_bus_client::{Event, Since};
use homeport_service::{Secret, telemetry::chain};
use http::{Request, StatusCode, header, request};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::Deserialize;
use sse_stream::{Sse, SseStream};

use super::{
    super::follow::{self, Failure, Origin},
    ANSWER_BYTES, Address, Notice, asking, connect, in_time,
};

/// Every event since then whose topic begins with the prefix, and on through every restart of the other side.
pub(in crate::source) fn replay(
    address: Address,
    token: Secret<String>,
    since: Since,
    prefix: &str,
) -> BoxStream<'static, anyhow::Result<Notice>> {
    let (begun, last, prefix) = (Instant::now(), None, prefix.to_owned());
    follow::follow(Past { address, token, since, begun, prefix, last })
}

struct Past {
    address: Address,
    token: Secret<String>,
    since: Since,
    /// An age is as old as it says at this moment.
    begun: Instant,
    prefix: String,
    /// The id of the last event that came.
    last: Option<String>,
}

/// What stands in an event that has no name.
#[derive(Deserialize)]
struct Happened {
    topic: String,
    value: String,
    time: Option<Timestamp>,
}

/// What stands in one named `dropped`.
#[derive(Deserialize)]
struct Dropped {
    after_id: Option<u64>,
    last_id: Option<u64>,
    #[serde(default)]
    reason: String,
}

impl Origin for Past {
    type Open = SseStream<Incoming>;

    async fn open(&mut self) -> Result<Self::Open, Failure> {
        let request = self.request().map_err(|error| Failure::Refused(chain(error.as_ref())))?;
        in_time(open(&self.address, request)).await
    }

    async fn read(&mut self, open: &mut Self::Open) -> Result<Option<Notice>, String> {
        match open.next().await {
            Some(Ok(message)) => Ok(self.take(message)),
            Some(Err(error)) => Err(chain(&error)),
            None => Err("the connection was closed".to_owned()),
        }
    }
}

impl Past {
    fn request(&self) -> anyhow::Result<Request<Empty<Bytes>>> {
        let since = match self.since {
            Since::Id(id) => id.to_string(),
            Since::Age(age) => format!("{}s", age.saturating_add(self.begun.elapsed()).as_secs()),
        };
        let mut query = Serializer::new(String::new());
        query.append_pair("since", &since);
        if !self.prefix.is_empty() {
            query.append_pair("t", &self.prefix);
        }
        let mut request = asking(request::Builder::new(), &self.address, &self.token)
            .uri(format!("/events?{}", query.finish()))
            .header(header::ACCEPT, "text/event-stream");
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        request.body(Empty::new()).context("SPR_API_TOKEN is no token")
    }

    fn take(&mut self, message: Sse) -> Option<Notice> {
        let data = message.data.unwrap_or_default();
        if message.id.is_some() {
            self.last = message.id;
        }
        match message.event.as_deref() {
            None => {
                let Happened { topic, value, time } = serde_json::from_str(&data).ok()?;
                Some(Notice::Event(Event { topic, value }, time))
            }
            Some("dropped") => {
                let Dropped { after_id, last_id, reason } = serde_json::from_str(&data).ok()?;
                let which = match (after_id, last_id) {
                    (Some(after), Some(last)) => format!("events {} to {last}", after.saturating_add(1)),
                    _ => "events".to_owned(),
                };
                Some(Notice::Missing(format!("{which} may be missing: {reason}")))
            }
            // That the past is over, for instance.
            Some(_) => None,
        }
    }
}

async fn open(address: &Address, request: Request<Empty<Bytes>>) -> Result<SseStream<Incoming>, Failure> {
    let stream = connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    #[expect(clippy::disallowed_methods, reason = "the connection ends with the body that is read from it")]
    drop(tokio::spawn(connection));
    let response = sender.send_request(request).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(SseStream::new(response.into_body()));
    }
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map(Collected::to_bytes);
    let answer = format!("{status}, {}", String::from_utf8_lossy(&body.unwrap_or_default()).trim());
    let refused = |why: &str| Failure::Refused(format!("{address} does not tell its events: {why}"));
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            refused(&format!("it refuses the token in SPR_API_TOKEN ({answer})"))
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            refused("it keeps none of them; follow it without -since")
        }
        StatusCode::BAD_REQUEST => refused(&answer),
        _ => Failure::Away(anyhow!(answer)),
    })
}
