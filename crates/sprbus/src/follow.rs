//! Events in, line by line.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use anyhow::Context as _;
use futures::StreamExt as _;
use homeport_bus_client::Event;

use crate::{
    arguments::Arguments,
    format,
    log::Log,
    selection::Selection,
    source::{Notice, Reporter, Source},
};

/// Prints events until the time is up or nobody reads them any more.
pub(crate) async fn run(source: &Source, arguments: &Arguments) -> anyhow::Result<()> {
    let output = Output {
        json: arguments.json,
        raw: arguments.raw,
        colour: io::stdout().is_terminal(),
        log: Log::open(arguments.log.as_deref())?,
    };
    let reporter = Reporter::new(source, arguments.timeout.is_none());
    let printing = print(source, Selection::new(arguments), output, reporter);
    match arguments.timeout {
        // The time is up: that is how it is meant to end.
        Some(timeout) => tokio::time::timeout(timeout, printing).await.unwrap_or(Ok(())),
        None => printing.await,
    }
}

async fn print(
    source: &Source,
    selection: Selection,
    mut output: Output,
    mut reporter: Reporter,
) -> anyhow::Result<()> {
    let mut notices = source.notices(&selection);
    while let Some(notice) = notices.next().await {
        match notice? {
            Notice::Event(event, _) if selection.shows(&event.topic) => match output.write(&event) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                written => written.context("cannot write an event")?,
            },
            other => reporter.report(&other)?,
        }
    }
    Ok(())
}

/// Standard output, and the file of `-o`.
struct Output {
    json: bool,
    raw: bool,
    colour: bool,
    log: Log,
}

impl Output {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let line = if self.json { format::json(event) } else { format::plain(event, self.colour) };
        let end = if self.raw { "\n" } else { "\n\n" };
        io::stdout().write_all(format!("{line}{end}").as_bytes())?;
        io::stdout().flush()?;
        self.log.write(event)
    }
}
