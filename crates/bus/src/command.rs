//! The binary `homeport-bus`: those words of `homeport` that concern the bus.

use std::{io, process::ExitCode};

use homeport_service::{config::Environment, health, telemetry::chain};

use crate::{NAME, entry};

const USAGE: &str = "Usage: homeport-bus run bus          runs the event bus, as its container does
       homeport-bus healthcheck bus  asks it whether it serves; exit code 0 if it does
       homeport-bus --version";

/// Wrong usage, as `homeport` ends with it.
const WRONG_USAGE: u8 = 2;

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Run,
    Healthcheck,
    Help,
    Version,
}

/// Everything that the process does.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match parse(&arguments) {
        Some(Command::Run) => homeport_service::main(vec![entry()]),
        Some(Command::Healthcheck) => match health::check(NAME, &Environment::of_process()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => end(io::stderr(), &format!("homeport-bus: {}", chain(&error)), ExitCode::FAILURE),
        },
        Some(Command::Help) => end(io::stdout(), USAGE, ExitCode::SUCCESS),
        Some(Command::Version) => {
            end(io::stdout(), concat!("homeport-bus ", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS)
        }
        None => end(io::stderr(), USAGE, ExitCode::from(WRONG_USAGE)),
    }
}

fn parse(arguments: &[String]) -> Option<Command> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", NAME] => Some(Command::Run),
        ["healthcheck", NAME] => Some(Command::Healthcheck),
        ["--help" | "-h"] => Some(Command::Help),
        ["--version" | "-V"] => Some(Command::Version),
        _ => None,
    }
}

/// Says the last thing there is to say. If it cannot be said, the exit code still says how it ended.
fn end(mut to: impl io::Write, text: &str, code: ExitCode) -> ExitCode {
    drop(writeln!(to, "{text}"));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_words_of_the_one_binary_that_concern_the_bus() {
        let check = |line: &str, expected: Option<Command>| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(parse(&words), expected, "{line}");
        };
        check("run bus", Some(Command::Run));
        check("healthcheck bus", Some(Command::Healthcheck));
        check("--version", Some(Command::Version));
        check("-h", Some(Command::Help));
        check("run auth", None);
        check("run bus now", None);
        check("", None);
    }
}
