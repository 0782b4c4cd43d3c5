//! The bus on the command line: shows events as they happen, or publishes one.
//!
//! Flags, defaults and output are those of the tool of this name that scripts already use; `arguments` lists them.

mod arguments;
mod follow;
mod format;
mod log;
mod publish;
mod selection;
mod socket;
mod source;
mod view;

use std::{
    io::{IsTerminal as _, Write as _, stdin, stdout},
    process::ExitCode,
};

use homeport_service::{config::Environment, telemetry};

use crate::{
    arguments::{Arguments, Usage},
    source::Source,
};

/// Exit code of a command line that makes no sense.
const EXIT_USAGE: u8 = 2;

/// Does what the command line says: exit code 0 when it was done, 1 when the bus or a file said no, 2 for a wrong flag.
pub fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(Usage::Asked) => {
            // Nobody is left to tell when standard output is closed.
            drop(std::io::stdout().write_all(arguments::USAGE.as_bytes()));
            return ExitCode::SUCCESS;
        }
        Err(Usage::Wrong(message)) => {
            say(&format!("{message}\n\n{}", arguments::USAGE.trim_end()));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&telemetry::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let source = Source::choose(arguments, &Environment::of_process())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match &arguments.publish {
        Some(value) => runtime.block_on(publish::run(&source, &arguments.topics, value, arguments.verbose)),
        None if wants_view(arguments) => runtime.block_on(view::run(&source, arguments)),
        None => {
            if arguments.file.is_some() {
                say("-f is for the full-screen view; it is left out");
            }
            runtime.block_on(follow::run(&source, arguments))
        }
    }
}

/// Whether a person is there who asked for nothing simpler.
fn wants_view(arguments: &Arguments) -> bool {
    !(arguments.json || arguments.plain || arguments.raw) && stdout().is_terminal() && stdin().is_terminal()
}

/// A line for the person at the terminal, apart from the events.
fn say(message: &str) {
    // Nobody is left to tell when standard error is closed.
    drop(writeln!(std::io::stderr(), "sprbus: {message}"));
}
