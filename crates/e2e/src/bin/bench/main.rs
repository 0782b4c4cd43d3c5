//! The figures in `docs/benchmarks.md`, measured on the machine it runs on. `cargo xtask bench` prepares and calls it.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod bus;
mod downtime;
mod figures;
mod footprint;
mod gateway;
mod process;
mod snapshot;
mod updater;

use anyhow::bail;
use homeport_e2e::Run;

fn main() -> anyhow::Result<()> {
    let part = std::env::args().nth(1);
    if part.as_deref() == Some(bus::LEAST) {
        return bus::serve_least(std::env::args_os().nth(2));
    }
    println!("| figure | measured | to reach |\n| --- | --- | --- |");
    match part.as_deref() {
        Some("stack") => {
            let run = Run::new("bench")?;
            footprint::measure(&run)?;
            downtime::measure(&run)
        }
        Some("bus") => bus::measure(),
        Some("snapshot") => snapshot::measure(),
        Some("gateway") => gateway::measure(std::env::args().nth(2).as_deref()),
        Some("updater") => updater::measure(),
        _ => bail!("say what to measure: stack, bus, gateway, snapshot or updater"),
    }
}
