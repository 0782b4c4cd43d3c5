//! One event out.

use std::io::Write as _;

use anyhow::ensure;

use crate::{format, source::Source};

/// Publishes and waits until the bus has taken it.
pub(crate) async fn run(source: &Source, topic: &str, value: &str, verbose: bool) -> anyhow::Result<()> {
    if verbose {
        ensure!(format::is_json(value), "{value:?} is no JSON; publish it without -v, or quote it as a JSON string");
        writeln!(std::io::stdout(), "{topic} {value}")?;
    }
    source.publish(topic, value).await
}
