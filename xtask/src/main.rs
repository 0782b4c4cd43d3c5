//! `cargo xtask`: from a bare machine to the running stack, to its tests, and back.

mod bench;
mod binaries;
mod check;
mod docker;
mod engine;
mod fixtures;
mod fuzz;
mod generate;
mod host;
mod process;
mod program;
mod repository;
mod say;
mod stack;
mod test;
mod tidy;

use clap::{Parser, Subcommand};

/// Everything that a developer or an installer of Homeport types.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start Homeport in containers: find or install an engine, build, run, wait until healthy
    Up(stack::Settings),
    /// Stop Homeport; what it remembers stays
    Down(stack::Settings),
    /// Run the tests: unit, e2e, or all that CI runs
    Test(test::Options),
    /// Check format, lints and house rules without running anything
    Check,
    /// Check what the compiler does not: who links whom, the shape of files
    Tidy,
    /// Measure what `docs/benchmarks.md` states
    Bench(bench::Options),
    /// Try random bytes on everything that reads bytes from outside
    Fuzz(fuzz::Options),
    /// Start, stop or show the private container engine of the tests
    Engine(engine::Options),
    /// Make the code that is committed from what it is made of
    Gen(generate::Options),
    /// Build the images that the tests update and push them to a local registry
    Fixtures,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Up(settings) => stack::up(&settings),
        Command::Down(settings) => stack::down(&settings),
        Command::Test(options) => test::run(&options),
        Command::Check => check::run(),
        Command::Tidy => tidy::run(),
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Engine(options) => engine::run(&options),
        Command::Gen(options) => generate::run(&options),
        Command::Fixtures => fixtures::run(),
    }
}
