//! `/events`: the bus over HTTP, event by event as it is.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use homeport_bus_client::{Cursor, PublishError, Since};
use homeport_service::clock::{Clock as _, SystemClock};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    app::App,
    config::ms,
    extract::{Json, Params},
    gate::Caller,
    problem::{Kind, Problem},
    stream::{self, Channel, Form, Frame, Interest, Prefixes, Taken},
};

/// First segments of the topics that Homeport's own services publish; what they say must be true.
const OWN: [&str; 5] = ["auth", "bus", "docker", "service", "update"];

/// The bus looks for no more beginnings of topics in one reading of the past.
const KEPT_PREFIXES: usize = 64;

/// `GET /events`: every event as `{"topic", "value"}` with its number, from the one after `Last-Event-ID` (or
/// `?last_event_id=`) on. `?t=prefix,…` chooses topics. An event named `dropped` tells how many events are missing.
///
/// `?since=` begins with what the bus keeps, and has the bus's own numbers, to which `Last-Event-ID` then refers.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let (prefixes, last) = (Prefixes::of(&params), stream::last_event_id(&headers, &params));
    let first = Frame { name: Some("connected".to_owned()), id: None, data: "{}".to_owned() };
    let keepalive = ms(app.config.events.keepalive_ms);
    let full = || Problem::new(Kind::Unavailable, "too many event streams are open");
    let over = Arc::clone(&app).until_over(caller);
    let Some(since) = params.text("since") else {
        let wanted = Interest { channel: Channel::EVERYTHING, prefixes };
        let texts = app.hub.subscribe(wanted, last).ok_or_else(full)?.texts(|taken| Some(text(taken)));
        return Ok(stream::response(texts, &first, keepalive, over));
    };
    let since: Since = since.parse().map_err(|error| Problem::bad_request(format!("since={since}: {error}")))?;
    if prefixes.count() > KEPT_PREFIXES {
        return Err(Problem::bad_request(format!("with since, t has at most {KEPT_PREFIXES} beginnings of topics")));
    }
    let cursor = last.map_or_else(|| since.cursor(SystemClock.now()), Cursor::After);
    let permit = Arc::clone(&app.replays).try_acquire_owned().map_err(|_| full())?;
    let texts = stream::kept(app.context.paths().socket("bus"), prefixes, cursor, permit);
    Ok(stream::response(texts, &first, keepalive, over))
}

fn text(taken: &Taken) -> Utf8Bytes {
    match taken {
        Taken::Event(event) => event.form(Form::Plain, |event| {
            let data = json!({ "topic": event.topic, "value": event.value }).to_string();
            Frame { name: None, id: Some(event.id), data }.encode()
        }),
        // Zero is a number that nobody knows.
        Taken::Dropped(count) => {
            let data = json!({ "count": (*count > 0).then_some(count) }).to_string();
            Frame { name: Some("dropped".to_owned()), id: None, data }.encode().into()
        }
    }
}

/// Body of a new event.
#[derive(Debug, Deserialize)]
pub(super) struct NewEvent {
    topic: String,
    /// Any text; usually that of a JSON object.
    value: String,
}

/// `POST /events`: publishes, and answers 204 once the bus has the event. A token with scopes may publish if they cover
/// this path, but nothing in the name of Homeport's own services.
pub(super) async fn publish(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(NewEvent { topic, value }): Json<NewEvent>,
) -> Result<StatusCode, Problem> {
    if topic.is_empty() {
        return Err(Problem::bad_request("an event needs a topic, from general to specific: backup:done"));
    }
    if OWN.contains(&topic.split(':').next().unwrap_or_default()) {
        caller.require_unscoped()?;
    }
    let publisher = app.publisher.clone();
    let publishing = async move { publisher.deliver(topic, value).await.map_err(|error| problem(&error)) };
    app.finish(publishing).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(error: &PublishError) -> Problem {
    match error {
        PublishError::Unavailable { .. } => {
            Problem::new(Kind::Unavailable, "the event bus is away; try again in a moment")
        }
        PublishError::Refused { .. } => Problem::bad_request("the event bus does not take this event"),
    }
}
