//! One JSON object a line, in and out.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::Event;

/// The longest line, newline included, that existing subscribers read; a longer one ends their stream.
pub const DELIVERED_MAX: usize = 65_536;

/// What a topic begins with that asks for a subscription.
const SUBSCRIBE: &str = "subscribe:";

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Something happened.
    Publish(Event),
    /// From now on it wants every event whose topic begins with this.
    Subscribe(String),
}

/// Reads a line; none if it is no JSON object with a topic and a value.
pub fn parse(line: &[u8]) -> Option<Line> {
    let Message { topic, value } = serde_json::from_slice(line).ok()?;
    Some(match topic.strip_prefix(SUBSCRIBE) {
        Some(prefix) => Line::Subscribe(prefix.to_owned()),
        None => Line::Publish(Event { topic, value }),
    })
}

/// Appends an event as a line; false, and nothing appended, if it would be longer than its readers take.
pub fn append(buffer: &mut Vec<u8>, event: &Event) -> bool {
    let start = buffer.len();
    let message = Delivery { topic: &event.topic, value: &event.value };
    let written = serde_json::to_writer(&mut *buffer, &message).is_ok();
    buffer.push(b'\n');
    let fits = written && buffer.len() - start <= DELIVERED_MAX;
    if !fits {
        buffer.truncate(start);
    }
    fits
}

#[derive(Serialize)]
struct Delivery<'a> {
    topic: &'a str,
    value: &'a str,
}

/// Both members are optional, their names are read in any case, and unknown ones are ignored, as Go does it.
struct Message {
    topic: String,
    value: String,
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a topic and a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message, A::Error> {
        let mut message = Message { topic: String::new(), value: String::new() };
        while let Some(name) = map.next_key::<String>()? {
            if name.eq_ignore_ascii_case("topic") {
                message.topic = map.next_value::<Option<String>>()?.unwrap_or_default();
            } else if name.eq_ignore_ascii_case("value") {
                message.value = text(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(message)
    }
}

/// A value that is no string would end the event loops of existing subscribers, so it becomes its own JSON text.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, topic: &str, value: &str) {
        assert_eq!(parse(line.as_bytes()), Some(Line::Publish(Event::new(topic, value))), "{line}");
    }

    #[test]
    fn publications_come_in_many_shapes() {
        check(r#"{"topic":"a:b","value":"{\"k\":1}"}"#, "a:b", r#"{"k":1}"#);
        check("  {\"VALUE\" : \"\\u003c\\u0026\", \"Topic\":\"a\", \"more\":[1,{}]}\r\n", "a", "<&");
        check(r#"{"topic":"a"}"#, "a", "");
        check(r#"{"value":"x"}"#, "", "x");
        check("{}", "", "");
        check(r#"{"topic":"a","value":{"k": [1, "x"]}}"#, "a", r#"{"k":[1,"x"]}"#);
        check(r#"{"topic":"a","value":7}"#, "a", "7");
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for line in ["", "\n", "7", "[]", "\"x\"", "{", r#"{"topic":7}"#, r#"{"topic":"a"} x"#, "PRI * HTTP/2.0"] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
        assert_eq!(parse(b"{\"topic\":\"\xff\"}"), None, "no UTF-8");
    }

    #[test]
    fn a_subscription_is_a_topic() {
        assert_eq!(parse(br#"{"topic":"subscribe:a:"}"#), Some(Line::Subscribe("a:".to_owned())));
        assert_eq!(parse(br#"{"topic":"subscribe:","value":"x"}"#), Some(Line::Subscribe(String::new())));
        check(r#"{"topic":"Subscribe:a"}"#, "Subscribe:a", "");
    }

    #[test]
    fn lines_have_two_members_and_a_longest() {
        let mut buffer = b"before".to_vec();
        assert!(append(&mut buffer, &Event::new("a:b", "{\"k\":\"\n\"}")));
        let line = r#"{"topic":"a:b","value":"{\"k\":\"\n\"}"}"#;
        assert_eq!(buffer, format!("before{line}\n").as_bytes());
        let around = r#"{"topic":"","value":""}"#.len() + 1;
        assert!(append(&mut Vec::new(), &Event::new("", "x".repeat(DELIVERED_MAX - around))));
        assert!(!append(&mut buffer, &Event::new("", "x".repeat(DELIVERED_MAX - around + 1))));
        assert_eq!(buffer, format!("before{line}\n").as_bytes(), "nothing is appended");
    }
}
