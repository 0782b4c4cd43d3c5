//! Events as text.

use homeport_bus_client::Event;
use serde::{
    Deserialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

/// Colour of a topic on a terminal.
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// `{"Topic": "a:b", "Value": {"k":1}}`: a payload that is JSON stands there as it came, any other as a string.
pub(crate) fn json(event: &Event) -> String {
    let value = if is_json(&event.value) {
        // Inside its strings JSON has no line breaks, so none of them means anything.
        event.value.trim().replace(['\n', '\r'], "")
    } else {
        quoted(&event.value)
    };
    format!(r#"{{"Topic": {}, "Value": {value}}}"#, quoted(&event.topic))
}

/// The topic and what is said about it, for people.
pub(crate) fn plain(event: &Event, colour: bool) -> String {
    let (before, after) = if colour { (GREEN, PLAIN) } else { ("", "") };
    format!("{before}{}{after} {}", event.topic, description(event))
}

/// Whether a text is one JSON value.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What a person wants to know of the records of a router, of other objects the values without their keys; anything else
/// as it is.
pub(crate) fn description(event: &Event) -> String {
    let Ok(Members(members)) = serde_json::from_str(&event.value) else {
        return event.value.clone();
    };
    if let Some(record) = record(event) {
        return record;
    }
    let keys = || members.iter().map(|(key, _)| key.clone().into()).collect();
    let mac = members.iter().find_map(|(key, value)| value.as_str().filter(|_| key == "MAC"));
    match mac {
        Some(mac) if event.topic.starts_with("device:") => mac.to_owned(),
        _ if event.topic == "devices:save" => Value::Array(keys()).to_string(),
        _ => Value::Array(members.into_iter().map(|(_, value)| value).collect()).to_string(),
    }
}

/// Of a DNS query the name and the first answer, of a packet from where to where; none if it has no such members.
fn record(event: &Event) -> Option<String> {
    let member = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
    if event.topic.starts_with("dns:") {
        let query: Value = serde_json::from_str(&event.value).ok()?;
        let name = member(&query, "FirstName")?;
        return Some(match member(&query, "FirstAnswer").filter(|answer| !answer.is_empty()) {
            Some(answer) => format!("{name} {answer}"),
            None => name,
        });
    }
    if event.topic.starts_with("nft") {
        let packet: Value = serde_json::from_str(&event.value).ok()?;
        let (from, to) = (member(&packet["IP"], "SrcIP")?, member(&packet["IP"], "DstIP")?);
        let ports = ["TCP", "UDP"].into_iter().find_map(|protocol| {
            let segment = &packet[protocol];
            Some((protocol, segment.get("SrcPort")?.as_u64()?, segment.get("DstPort")?.as_u64()?))
        });
        return Some(match ports {
            Some((protocol, from_port, to_port)) => format!("{protocol} {from}:{from_port} -> {to}:{to_port}"),
            None => format!("{from} -> {to}"),
        });
    }
    None
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The members of a JSON object, in the order in which they stand there.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(topic: &str, value: &str) -> Event {
        Event { topic: topic.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn json_has_the_value_as_it_came() {
        let cases = [
            (r#"{"z":1,"a":2.50}"#, r#"{"Topic": "a:b", "Value": {"z":1,"a":2.50}}"#),
            ("7", r#"{"Topic": "a:b", "Value": 7}"#),
            ("{\n  \"k\": \"v\"\n}", r#"{"Topic": "a:b", "Value": {  "k": "v"}}"#),
            ("not \"json\"", r#"{"Topic": "a:b", "Value": "not \"json\""}"#),
            ("", r#"{"Topic": "a:b", "Value": ""}"#),
        ];
        for (value, expected) in cases {
            assert_eq!(json(&event("a:b", value)), expected);
        }
    }

    #[test]
    fn plain_lines_have_the_values_of_an_object() {
        let cases = [
            ("a:b", r#"{"z":1,"a":["x"]}"#, r#"a:b [1,["x"]]"#),
            ("a:b", "[1, 2]", "a:b [1, 2]"),
            ("a:b", "text", "a:b text"),
            ("device:save", r#"{"Name":"n","MAC":"00:11"}"#, "device:save 00:11"),
            (
                "dns:serve:10.0.0.2",
                r#"{"FirstName":"a.example.","FirstAnswer":"10.1.1.1"}"#,
                "dns:serve:10.0.0.2 a.example. 10.1.1.1",
            ),
            ("dns:serve:10.0.0.2", r#"{"FirstName":"a.example.","FirstAnswer":""}"#, "dns:serve:10.0.0.2 a.example."),
            ("dns:block:event", r#"{"Other":1}"#, "dns:block:event [1]"),
            (
                "nft:lan:out",
                r#"{"IP":{"SrcIP":"10.0.0.2","DstIP":"1.1.1.1"},"UDP":{"SrcPort":4000,"DstPort":53}}"#,
                "nft:lan:out UDP 10.0.0.2:4000 -> 1.1.1.1:53",
            ),
            ("nft:drop:in", r#"{"IP":{"SrcIP":"10.0.0.2","DstIP":"1.1.1.1"}}"#, "nft:drop:in 10.0.0.2 -> 1.1.1.1"),
            ("devices:save", r#"{"00:11":{},"00:12":{}}"#, r#"devices:save ["00:11","00:12"]"#),
        ];
        for (topic, value, expected) in cases {
            assert_eq!(plain(&event(topic, value), false), expected);
        }
    }

    #[test]
    fn only_the_topic_is_coloured() {
        assert_eq!(plain(&event("a", "1"), true), "\x1b[32ma\x1b[0m 1");
    }
}
