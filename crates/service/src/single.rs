//! A binary that is one service: it knows those words of `homeport` that concern this service.

use std::{io, process::ExitCode};

use crate::{Entry, config::Environment, health, run, telemetry::chain};

/// Wrong usage, as `homeport` ends with it.
const WRONG_USAGE: u8 = 2;

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Run,
    /// Until standard input ends, which it does when whoever started this one is gone, however that went.
    RunAttached,
    Healthcheck,
    Help,
    Version,
}

/// Everything that such a process does. It is called `homeport-<service>`.
pub fn main(service: Entry) -> ExitCode {
    let name = service.name();
    let arguments: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match parse(name, &arguments) {
        Some(Command::Run) => run::main(vec![service]),
        Some(Command::RunAttached) => run::main_attached(vec![service]),
        Some(Command::Healthcheck) => match health::check(name, &Environment::of_process()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => end(io::stderr(), &format!("homeport-{name}: {}", chain(&error)), ExitCode::FAILURE),
        },
        Some(Command::Help) => end(io::stdout(), &usage(name), ExitCode::SUCCESS),
        Some(Command::Version) => {
            end(io::stdout(), &format!("homeport-{name} {}", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS)
        }
        None => end(io::stderr(), &usage(name), ExitCode::from(WRONG_USAGE)),
    }
}

fn usage(name: &str) -> String {
    format!(
        "Usage: homeport-{name} run {name}             runs this service, as its container does
       homeport-{name} run {name} --attached  the same, until standard input ends, as `homeport serve` does
       homeport-{name} healthcheck {name}     asks it whether it serves; exit code 0 if it does
       homeport-{name} --version"
    )
}

fn parse(name: &str, arguments: &[String]) -> Option<Command> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", service] if service == name => Some(Command::Run),
        ["run", service, "--attached"] if service == name => Some(Command::RunAttached),
        ["healthcheck", service] if service == name => Some(Command::Healthcheck),
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
    fn takes_the_words_of_homeport_that_concern_its_service() {
        let check = |line: &str, expected: Option<Command>| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(parse("bus", &words), expected, "{line}");
        };
        check("run bus", Some(Command::Run));
        check("run bus --attached", Some(Command::RunAttached));
        check("healthcheck bus", Some(Command::Healthcheck));
        check("--version", Some(Command::Version));
        check("-h", Some(Command::Help));
        check("run auth", None);
        check("run bus now", None);
        check("", None);
    }
}
