//! What stands in a websocket's messages.

use serde::Serialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::stream::{Event, Form, Taken};

/// Beginnings of the topics that are shown to people.
const NOTIFICATIONS: [&str; 3] = ["wifi:auth", "plugin:", "classify:result"];
/// Topic under which a client is told that it missed events.
const DROPPED: &str = "bus:dropped";

/// One message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Frame<'a> {
    r#type: &'a str,
    /// The payload's JSON text.
    data: String,
    notification: bool,
    /// Only those who follow everything get it.
    wildcard_all: bool,
}

/// Whether an event is shown to people.
pub(super) fn is_notification(topic: &str) -> bool {
    NOTIFICATIONS.iter().any(|prefix| topic.starts_with(prefix))
}

/// The message for what came from the hub. That events are missing is told to those alone who follow everything.
pub(super) fn of(taken: &Taken, everything: bool) -> Option<Utf8Bytes> {
    match taken {
        Taken::Event(event) => Some(event.form(Form::Message, message)),
        Taken::Dropped(_) if !everything => None,
        Taken::Dropped(count) => {
            // Zero is a number that nobody knows.
            let data = json!({ "dropped": (*count > 0).then_some(count) }).to_string();
            Some(Frame { r#type: DROPPED, data, notification: false, wildcard_all: true }.text().into())
        }
    }
}

fn message(event: &Event) -> String {
    let notification = is_notification(&event.topic);
    Frame { r#type: &event.topic, data: data(&event.value), notification, wildcard_all: !notification }.text()
}

impl Frame<'_> {
    fn text(&self) -> String {
        // Texts and truths can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A payload as JSON text, its keys sorted as clients know it. What is no JSON becomes a string.
fn data(value: &str) -> String {
    let mut parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    parsed.sort_all_objects();
    parsed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_payload_is_json_text() {
        for (value, expected) in [
            (r#"{"b": {"z":1,"a":2}, "a":[1, 2]}"#, r#"{"a":[1,2],"b":{"a":2,"z":1}}"#),
            ("[1]", "[1]"),
            ("7", "7"),
            ("no json", r#""no json""#),
            ("", r#""""#),
        ] {
            assert_eq!(data(value), expected);
        }
    }

    #[test]
    fn a_gap_is_told_to_who_follows_everything() {
        assert_eq!(of(&Taken::Dropped(3), false), None);
        let told = |count| of(&Taken::Dropped(count), true).unwrap();
        let expected = r#"{"Type":"bus:dropped","Data":"{\"dropped\":3}","Notification":false,"WildcardAll":true}"#;
        assert_eq!(told(3), expected);
        assert!(told(0).contains("null"));
    }
}
