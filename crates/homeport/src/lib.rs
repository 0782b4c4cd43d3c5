//! The binary of Homeport: every service by name, and the commands that a person types. Auth is one of its own.
//!
//! [`command`] is the grammar of the command line. A command that runs services hands over to `homeport_service`. The
//! commands for people are in [`cli`]: they talk HTTP to a gateway, like any other client.

mod cli;
pub mod command;
mod health;
mod init_state;
mod services;

use std::process::ExitCode;

use clap::Parser as _;
use command::{Cli, Command};
use homeport_service::config::Environment;

/// Everything that the process does.
pub fn main() -> ExitCode {
    if let Some(code) = for_programs() {
        return code;
    }
    let environment = Environment::of_process();
    match Cli::parse().command {
        Command::Run { service } => services::run_one(service),
        Command::Serve => services::run(services::all()),
        Command::SelfSwap => services::run(services::swap()),
        Command::Healthcheck { service } => cli::output::finish(health::check(service, &environment)),
        Command::InitState(arguments) => cli::output::finish(init_state::run(&arguments, &environment)),
        Command::Completions { shell } => cli::output::finish(cli::completions::run(shell)),
        Command::People(command) => cli::run(command, &environment),
    }
}

/// What docker-agent calls this binary for, inside helper containers and around other programs. It is no part of the
/// grammar: the rest of the line belongs to somebody else, word for word.
fn for_programs() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next()?.to_str()? {
        "helper" => Some(homeport_docker_agent::helper_main(arguments)),
        "bound" => Some(homeport_docker_agent::bound_main(arguments)),
        _ => None,
    }
}
