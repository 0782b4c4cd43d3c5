//! `GET /api/events`: the bus's update events under the names that the dashboard's clients know.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::{
    app::App,
    config::ms,
    extract::Params,
    gate::Caller,
    problem::{Kind, Problem},
    stream::{self, Channel, Frame, Interest, Prefixes, Taken},
};

/// The events that have a name.
const CHANNEL: Channel = Channel { name: "docksmith", takes: |topic| name_of(topic).is_some() };

/// Opens the stream. `?named=false` leaves out the event names, `Last-Event-ID` (or `?last_event_id=`) brings what was missed.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let interest = Interest { channel: CHANNEL, prefixes: Prefixes::default() };
    let subscription = app.hub.subscribe(interest, stream::last_event_id(&headers, &params));
    let subscription =
        subscription.ok_or_else(|| Problem::new(Kind::Unavailable, "too many event streams are open"))?;
    let named = params.text("named") != Some("false");
    let translate = move |taken: &Taken| {
        let frame = frame(taken).map(|frame| if named { frame } else { unnamed(frame) });
        frame.map(|frame| frame.encode().into())
    };
    let first =
        Frame { name: named.then(|| "connected".to_owned()), id: None, data: r#"{"status":"connected"}"#.to_owned() };
    let keepalive = ms(app.config.events.keepalive_ms);
    Ok(stream::response(subscription.texts(translate), &first, keepalive, Arc::clone(&app).until_over(caller)))
}

/// The name under which clients know a topic.
fn name_of(topic: &str) -> Option<&'static str> {
    match topic {
        "update:progress" => Some("update.progress"),
        "update:container" => Some("container.updated"),
        "update:check" => Some("check.progress"),
        _ => None,
    }
}

fn frame(taken: &Taken) -> Option<Frame> {
    match taken {
        Taken::Event(event) => {
            let name = name_of(&event.topic)?;
            let payload = payload(name, serde_json::from_str(&event.value).ok()?);
            Some(Frame { id: Some(event.id), ..named(name, &payload) })
        }
        Taken::Dropped(count) => {
            let message = if *count == 0 {
                "events were missed while the stream was away"
            } else {
                "this client reads too slowly"
            };
            Some(named("system.events_dropped", &json!({ "dropped_count": count, "message": message })))
        }
    }
}

fn named(name: &str, payload: &Value) -> Frame {
    let data = json!({ "type": name, "payload": payload }).to_string();
    Frame { name: Some(name.to_owned()), id: None, data }
}

fn unnamed(frame: Frame) -> Frame {
    Frame { name: None, ..frame }
}

/// Adds the keys by which the published description calls the same things.
fn payload(name: &str, mut payload: Value) -> Value {
    if name == "update.progress"
        && let Some(map) = payload.as_object_mut()
    {
        for (known, other) in [("progress", "percent"), ("container_name", "container")] {
            if let Some(value) = map.get(known).cloned() {
                map.entry(other).or_insert(value);
            }
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_the_keys_of_both_descriptions() {
        let sent = json!({ "progress": 30, "container_name": "web", "stage": "pulling_image" });
        let expected = json!({
            "progress": 30, "percent": 30, "container_name": "web", "container": "web", "stage": "pulling_image",
        });
        assert_eq!(payload("update.progress", sent), expected);
    }

    #[test]
    fn a_gap_is_an_event() {
        let frame = frame(&Taken::Dropped(3)).unwrap();
        assert_eq!((frame.name.as_deref(), frame.id), (Some("system.events_dropped"), None));
        assert!(frame.data.contains(r#""dropped_count":3"#), "{}", frame.data);
    }
}
