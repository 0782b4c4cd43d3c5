//! What a command leaves on the terminal.

use std::process::ExitCode;

/// Turns the end of a command into an exit code, and its error into one line on standard error.
pub(crate) fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("homeport: {error:#}");
            ExitCode::FAILURE
        }
    }
}
