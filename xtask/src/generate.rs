//! Code that is made from other files of the repository and committed.

use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{program, repository};

/// Where the code made from `proto/` lies.
const PROTO: &str = "crates/proto/src/generated";

/// What to make.
#[derive(Args)]
pub(crate) struct Options {
    what: What,
    /// Fail if what is committed is not what would be made
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Messages and services, from `proto/`
    Proto,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match options.what {
        What::Proto => proto()?,
    }
    if options.check { unchanged(PROTO) } else { Ok(()) }
}

fn proto() -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository::root());
    program::run(cargo.args(["run", "--quiet", "--release", "--package", "homeport-proto-gen"]))
}

fn unchanged(path: &str) -> Result<()> {
    let mut git = Command::new("git");
    git.current_dir(repository::root());
    let changed = program::read(git.args(["status", "--porcelain", "--", path]))?;
    if !changed.is_empty() {
        bail!("{path} is not what `cargo xtask gen proto` makes; commit this:\n{changed}");
    }
    Ok(())
}
