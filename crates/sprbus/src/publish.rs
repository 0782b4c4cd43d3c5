//! One event out.

use std::{io::Write as _, path::Path};

use anyhow::ensure;

use crate::format;

/// Publishes and waits until the bus has taken it.
pub(crate) async fn run(socket: &Path, topic: &str, value: &str, verbose: bool) -> anyhow::Result<()> {
    if verbose {
        ensure!(format::is_json(value), "{value:?} is no JSON; publish it without -v, or quote it as a JSON string");
        writeln!(std::io::stdout(), "{topic} {value}")?;
    }
    Ok(homeport_bus_client::deliver(socket, topic.to_owned(), value.to_owned()).await?)
}
