//! What has to hold before a commit and needs no test to run.

use std::process::Command;

use anyhow::Result;

use crate::{program, repository, tidy};

pub(crate) fn run() -> Result<()> {
    program::run(cargo().args(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    program::run(cargo().args(["clippy", "--release", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(repository::root());
    command
}
