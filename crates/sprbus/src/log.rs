//! The files of events: `-o` writes one, `-f` reads one.

use std::{
    fs::File,
    io::{self, Write as _},
};

use anyhow::Context as _;
use homeport_bus_client::Event;
use serde::Deserialize;
use serde_json::Value;

use crate::format;

/// The file of `-o`, if there is one.
#[derive(Debug)]
pub(crate) struct Log(Option<File>);

impl Log {
    /// Begins the file; what it held is lost.
    pub(crate) fn open(path: Option<&str>) -> anyhow::Result<Self> {
        let create = |path: &str| File::create(path).with_context(|| format!("cannot write to {path}"));
        Ok(Self(path.map(create).transpose()?))
    }

    /// Adds an event, as one line.
    pub(crate) fn write(&mut self, event: &Event) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |file| writeln!(file, "{}", format::json(event)))
    }
}

/// An event as it stands in a file.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "Topic", alias = "topic")]
    topic: String,
    #[serde(rename = "Value", alias = "value", default)]
    value: Value,
}

impl From<Record> for Event {
    fn from(Record { topic, value }: Record) -> Self {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Self { topic, value }
    }
}

/// Reads the file of `-f`.
pub(crate) fn read(path: &str) -> anyhow::Result<Vec<Event>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    parse(&text).with_context(|| format!("{path} is no file of events"))
}

/// Reads one array of objects, or one object a line.
fn parse(text: &str) -> anyhow::Result<Vec<Event>> {
    if text.trim_start().starts_with('[') {
        let records: Vec<Record> = serde_json::from_str(text)?;
        return Ok(records.into_iter().map(Event::from).collect());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let record: Record = serde_json::from_str(line).with_context(|| format!("line {}", index + 1))?;
            Ok(record.into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_arrays_are_the_same() {
        let event = |topic: &str, value: &str| Event { topic: topic.to_owned(), value: value.to_owned() };
        let expected = [event("a", r#"{"k":1}"#), event("b", "no json")];
        let lines = "{\"Topic\": \"a\", \"Value\": {\"k\":1}}\n\n{\"topic\":\"b\",\"value\":\"no json\"}\n";
        assert_eq!(parse(lines).unwrap(), expected);
        let array = r#" [{"Topic":"a","Value":{"k":1}},{"Topic":"b","Value":"no json"}]"#;
        assert_eq!(parse(array).unwrap(), expected);
        assert_eq!(parse("").unwrap(), []);
        let error = format!("{:#}", parse("{\"Topic\":\"a\"}\nnothing").unwrap_err());
        assert!(error.starts_with("line 2"), "{error}");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let event = Event { topic: "a:b".to_owned(), value: r#"{"k":[1,"x"]}"#.to_owned() };
        assert_eq!(parse(&format::json(&event)).unwrap(), [event]);
    }
}
