//! The grammar of the command line.

use clap::{Parser, Subcommand};

use crate::init_state;
pub use crate::services::Service;

/// Homeport: finds newer versions of the containers on this server and installs them in a way that undoes itself.
#[derive(Debug, Parser)]
#[command(name = "homeport", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs every service in this process until Ctrl-C
    Serve,
    /// Runs one service, as its container does
    Run {
        /// Which one
        service: Service,
    },
    /// Asks a service whether it serves; exit code 0 if it does
    Healthcheck {
        /// Which one
        service: Service,
    },
    /// Makes the directories that the services need, each with the owner and mode it needs
    InitState(init_state::Arguments),
}
