//! `homeport completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::output;
use crate::command::Cli;

/// Prints what a shell has to know to complete our commands.
pub(crate) fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "homeport", &mut script);
    Ok(output::text(&String::from_utf8_lossy(&script))?)
}
