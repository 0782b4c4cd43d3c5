//! The figures that `docs/benchmarks.md` states, measured again.

use anyhow::{Result, bail};
use clap::Args;

/// Which figures to measure.
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> Result<()> {
    bail!("nothing is measured yet")
}
