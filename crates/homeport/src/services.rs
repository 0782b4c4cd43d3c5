//! The services that this binary can be, and the one that it starts.

mod sibling;

use std::process::ExitCode;

use clap::ValueEnum;
use homeport_service::Entry;

use crate::cli::output;

/// A service by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Routes events
    Bus,
    /// Knows users, sessions and tokens
    Auth,
    /// Talks to the container engine
    DockerAgent,
    /// Finds, plans and makes updates
    Updater,
    /// Serves HTTP
    Gateway,
}

impl Service {
    /// Its name, which is also that of its settings and, save for a few, of its socket.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bus => "bus",
            Self::Auth => "auth",
            Self::DockerAgent => "docker-agent",
            Self::Updater => "updater",
            Self::Gateway => "gateway",
        }
    }

    /// What runs it.
    pub(crate) fn entry(self) -> Entry {
        match self {
            Self::Bus => homeport_bus::entry(),
            Self::Auth => Entry::new(self.name(), sibling::run),
            Self::DockerAgent => Entry::new(self.name(), homeport_docker_agent::run),
            Self::Updater => Entry::new(self.name(), homeport_updater::run),
            Self::Gateway => Entry::new(self.name(), homeport_api_gateway::run),
        }
    }
}

/// Runs one service, as its container does. Auth is a binary of its own, which takes this process over.
pub(crate) fn run_one(service: Service) -> ExitCode {
    match service {
        Service::Auth => output::finish(Err(sibling::become_it(service.name()).into())),
        other => run(vec![other.entry()]),
    }
}

/// Runs services until the process is told to stop.
pub(crate) fn run(services: Vec<Entry>) -> ExitCode {
    // Fails only if a provider is installed already, and then there is one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    homeport_service::main(services)
}

/// All of them, in the order that a reader of the log expects: those that others call come first.
pub(crate) fn all() -> Vec<Entry> {
    Service::value_variants().iter().map(|service| service.entry()).collect()
}

/// What replaces Homeport's own containers: the swap, and a docker-agent that it works with.
pub(crate) fn swap() -> Vec<Entry> {
    vec![Service::DockerAgent.entry(), Entry::new("self-swap", homeport_updater::self_update::run)]
}
