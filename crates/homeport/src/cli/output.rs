//! What a command leaves on the terminal.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use homeport_service::telemetry::chain;
use serde::Serialize;

use super::api;

/// What was asked for was tried and failed, and the answer already says so.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
pub(crate) struct Shown;

/// Turns the end of a command into an exit code, and its error into one line on standard error.
pub(crate) fn finish(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.is::<Shown>() {
        return ExitCode::FAILURE;
    }
    // Whoever read the output has seen enough, as in `homeport history | head`.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let line = chain(error.as_ref()).replace(['\n', '\r'], " ");
    // Nothing can be done if not even this can be written.
    drop(writeln!(io::stderr(), "homeport: {line}"));
    error.downcast_ref::<api::Error>().map_or(ExitCode::FAILURE, |error| ExitCode::from(error.exit_code()))
}

/// Prints text, ending its last line.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints a document for scripts.
pub(crate) fn json(document: &impl Serialize) -> anyhow::Result<()> {
    Ok(text(&serde_json::to_string_pretty(document)?)?)
}

/// Prints a document on one line, for scripts that read a stream of them.
pub(crate) fn json_line(document: &impl Serialize) -> anyhow::Result<()> {
    Ok(text(&serde_json::to_string(document)?)?)
}

/// Says something to the person beside the output.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}
