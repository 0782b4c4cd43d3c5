//! One JSON object a line, in and out.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

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
    // Looked at here, because strings are read as bytes below.
    let Message { topic, value } = serde_json::from_str(str::from_utf8(line).ok()?).ok()?;
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
        while let Some(Text(name)) = map.next_key()? {
            if name.eq_ignore_ascii_case("topic") {
                message.topic = map.next_value::<Option<Text>>()?.map_or_else(String::new, |Text(topic)| topic);
            } else if name.eq_ignore_ascii_case("value") {
                message.value = value(map.next_value()?).map_err(A::Error::custom)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(message)
    }
}

/// A value that is no string would end the event loops of existing subscribers, so it becomes its own JSON text. What is
/// made of it is never longer than it is.
fn value(raw: &RawValue) -> serde_json::Result<String> {
    if raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map(|Text(text)| text);
    }
    Ok(compact(raw.get()))
}

/// A JSON text without the space between its parts. Numbers and strings stay as they were written.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let stays = |&character: &char| {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            return true;
        }
        in_string = character == '"';
        !character.is_ascii_whitespace()
    };
    json.chars().filter(stays).collect()
}

/// A string with every escape that JSON's grammar has. Half of a surrogate pair stands for no character, and is replaced
/// as Go does it.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, because a half pair would be refused as a string.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        if let Ok(text) = str::from_utf8(bytes) {
            return Ok(Text(text.to_owned()));
        }
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            match chunk.invalid() {
                // The first of the three bytes that a half pair is given as.
                [0xED, ..] => text.push(char::REPLACEMENT_CHARACTER),
                // The end, or the other two, which follow as chunks of their own.
                [] | [0x80..=0xBF, ..] => {}
                _ => return Err(E::custom("no UTF-8")),
            }
        }
        Ok(Text(text))
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
    fn a_value_that_is_no_string_is_its_own_text() {
        for value in ["12345678901234567890123", "1.10", "1e5", "-0", "1e400", "null", r#"{"b":1,"a":2,"b":3}"#] {
            check(&format!(r#"{{"topic":"a","value":{value}}}"#), "a", value);
        }
        check("{\"value\": [ 1,\t{\"k \\\" \\\\\" : \" é\\u0041 \"} ]}", "", "[1,{\"k \\\" \\\\\":\" é\\u0041 \"}]");
        let deep = "[".repeat(2000) + &"]".repeat(2000);
        check(&format!(r#"{{"value":{deep}}}"#), "", &deep);
    }

    #[test]
    fn half_of_a_pair_is_no_character() {
        check(r#"{"topic":"a\ud83d:\ude00","value":"\ud83d\ude00\ud800"}"#, "a\u{fffd}:\u{fffd}", "😀\u{fffd}");
        check(r#"{"\ud800":1,"value":"x"}"#, "", "x");
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for line in ["", "\n", "7", "[]", "\"x\"", "{", r#"{"topic":7}"#, r#"{"topic":"a"} x"#, "PRI * HTTP/2.0"] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
        for byte in [b'\xff', b'\xed', b'\x80'] {
            assert_eq!(parse(&[br#"{"topic":""#, &[byte; 40][..], br#""}"#].concat()), None, "no UTF-8");
        }
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
