//! The figures in `docs/benchmarks.md`, measured on the machine it runs on. `cargo xtask bench` prepares and calls it.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod downtime;
mod figures;
mod footprint;

use homeport_e2e::Run;

fn main() -> anyhow::Result<()> {
    let run = Run::new("bench")?;
    println!("| figure | measured | to reach |\n| --- | --- | --- |");
    footprint::measure(&run)?;
    downtime::measure(&run)
}
