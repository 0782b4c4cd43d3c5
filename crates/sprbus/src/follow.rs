//! Events in, line by line.

use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal as _, Write},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use homeport_bus_client::{Event, Notice, watch};

use crate::{arguments::Arguments, format, say};

/// Prints events until the time is up or nobody reads them any more.
pub(crate) async fn run(socket: PathBuf, arguments: &Arguments) -> anyhow::Result<()> {
    let selection = Selection::new(arguments);
    let output = Output::open(arguments)?;
    let printing = print(socket, selection, output, arguments.timeout.is_none());
    match arguments.timeout {
        // The time is up: that is how it is meant to end.
        Some(timeout) => tokio::time::timeout(timeout, printing).await.unwrap_or(Ok(())),
        None => printing.await,
    }
}

async fn print(socket: PathBuf, selection: Selection, mut output: Output, for_ever: bool) -> anyhow::Result<()> {
    let shown = socket.display().to_string();
    let mut notices = watch(socket, selection.common_prefix());
    let mut connected_before = false;
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Connected => {
                if std::mem::replace(&mut connected_before, true) {
                    say("connected again; events of the meantime are missing");
                }
            }
            Notice::Lost(reason) if connected_before || for_ever => {
                connected_before = true;
                say(&format!("the bus is away ({reason}); trying again"));
            }
            Notice::Lost(reason) => bail!("cannot follow the bus at {shown}: {reason}"),
            Notice::Event(event) if selection.shows(&event.topic) => match output.write(&event) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                written => written.context("cannot write an event")?,
            },
            Notice::Event(_) => {}
        }
    }
    Ok(())
}

/// Which topics are shown.
struct Selection {
    shown: Vec<String>,
    hidden: Vec<String>,
}

impl Selection {
    fn new(arguments: &Arguments) -> Self {
        let list = |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { shown: list(&arguments.topics), hidden: list(&arguments.hidden) }
    }

    fn shows(&self, topic: &str) -> bool {
        let begins = |prefix: &String| topic.starts_with(prefix);
        (self.shown.is_empty() || self.shown.iter().any(begins)) && !self.hidden.iter().any(begins)
    }

    /// What all shown topics begin with, so that the bus sends little else.
    fn common_prefix(&self) -> String {
        let Some((first, others)) = self.shown.split_first() else {
            return String::new();
        };
        let common = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
        others.iter().fold(first.clone(), |prefix, other| common(&prefix, other))
    }
}

/// Standard output, and the file of `-o`.
struct Output {
    json: bool,
    raw: bool,
    colour: bool,
    log: Option<File>,
}

impl Output {
    fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        let create = |path: &String| File::create(path).with_context(|| format!("cannot write to {path}"));
        Ok(Self {
            json: arguments.json,
            raw: arguments.raw,
            colour: io::stdout().is_terminal(),
            log: arguments.log.as_ref().map(create).transpose()?,
        })
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let line = if self.json { format::json(event) } else { format::plain(event, self.colour) };
        let end = if self.raw { "\n" } else { "\n\n" };
        io::stdout().write_all(format!("{line}{end}").as_bytes())?;
        io::stdout().flush()?;
        self.log.as_mut().map_or(Ok(()), |log| writeln!(log, "{}", format::json(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(topics: &str, hidden: &str) -> Selection {
        Selection::new(&Arguments { topics: topics.to_owned(), hidden: hidden.to_owned(), ..Arguments::default() })
    }

    #[test]
    fn lists_are_beginnings_of_topics() {
        let selection = selection("update:,docker:", "docker:image,docker:vol");
        let topics = ["update:check", "docker:container:start", "docker:image:pull", "docker:volume:x", "auth:success"];
        assert_eq!(topics.map(|topic| selection.shows(topic)), [true, true, false, false, false]);
    }

    #[test]
    fn nothing_chosen_is_everything_but_what_is_hidden() {
        let selection = selection("", "nft:lan:in");
        assert!(selection.shows("a") && selection.shows("") && !selection.shows("nft:lan:in:x"));
    }

    #[test]
    fn the_bus_is_asked_for_what_all_topics_share() {
        for (topics, expected) in [("", ""), ("a:b", "a:b"), ("a:b,a:c", "a:"), ("a,b", ""), ("aé,aè", "a")] {
            assert_eq!(selection(topics, "").common_prefix(), expected, "{topics}");
        }
    }
}
