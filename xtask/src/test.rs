//! Everything that CI runs: the tests of each crate, then the shipped binaries on a real engine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::docker::Docker;
use crate::engine::{self, Place};
use crate::{binaries, fixtures, fuzz, program, repository, say::say};

/// The package whose tests need an engine, a registry and the shipped binaries.
pub(crate) const E2E: &str = "homeport-e2e";

/// The package that makes the code of `homeport-proto`.
const GENERATOR: &str = "homeport-proto-gen";

/// Where `proptest` reads the number that its cases are drawn by.
const PROPERTY_SEED: &str = "PROPTEST_RNG_SEED";

/// Which tests to run.
#[derive(Args)]
pub(crate) struct Options {
    #[arg(default_value = "all")]
    part: Part,
    /// Passed on to `cargo test`, such as the name of a test
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// A part of the tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The tests of every crate; they need no engine
    Unit,
    /// The shipped binaries on a real engine, with a real registry and real images
    E2e,
    /// Both, and a minute of random bytes for each decoder
    All,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.part == Part::Unit {
        // By target: what a crate tests on the engine is a target of its own.
        let mut tests = cargo_test();
        tests.args(["--workspace", "--exclude", E2E, "--lib", "--bins", "--test", "it"]);
        return program::run(tests.args(&options.arguments));
    }
    // The generator has no tests, and is the only one that needs what it links.
    let workspace = ["--workspace", "--exclude", GENERATOR];
    let binaries = match options.part {
        Part::E2e => binaries::build_with_plugins()?,
        Part::Unit | Part::All => binaries::build_with_tests(&workspace)?,
    };
    if options.part == Part::All {
        fuzz::run(&fuzz::Options::default())?;
    }
    on_private_engine(|place| {
        let mut tests = cargo_test();
        match options.part {
            Part::E2e => tests.args(["--package", E2E]),
            _ => tests.args(workspace),
        };
        program::run(tests.args(&options.arguments).envs(environment(place, &binaries)?))
    })
}

/// Runs something with the private engine and the fixtures, and leaves the engine as it was found: stopped, or running.
pub(crate) fn on_private_engine<T>(tests: impl FnOnce(&Place) -> Result<T>) -> Result<T> {
    let place = Place::new()?;
    let was_running = Docker::find(&place.host()).is_some_and(|docker| docker.answers());
    let result = fixtures::run().and_then(|()| tests(&place));
    if was_running {
        say("The engine of the tests was running before and goes on; `cargo xtask engine stop` ends it");
    } else if let Err(error) = engine::stop(false) {
        // The result of the tests matters more than a mount that would not go.
        say(format_args!("cleaning up after the tests failed: {error:#}"));
    }
    result
}

/// What tests need to know that start the shipped binaries.
pub(crate) fn binaries_environment(binaries: &[PathBuf]) -> Result<[(&'static str, OsString); 1]> {
    let folder = binaries.first().and_then(|binary| binary.parent()).context("the binaries lie in a directory")?;
    Ok([("HOMEPORT_TEST_BINARIES", folder.into())])
}

/// What tests need to know that use the engine, too.
pub(crate) fn environment(place: &Place, binaries: &[PathBuf]) -> Result<[(&'static str, OsString); 4]> {
    let [binaries] = binaries_environment(binaries)?;
    Ok([
        binaries,
        ("HOMEPORT_TEST_DOCKER_HOST", place.host().into()),
        // For the tests of single crates, which find the engine as users do.
        ("DOCKER_HOST", place.host().into()),
        // For those that start registries of their own.
        ("HOMEPORT_TEST_REGISTRY", fixtures::registry_program(place)?.into()),
    ])
}

fn cargo_test() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir::<&Path>(repository::root()).args(["test", "--release"]);
    // A change must not fail by the draw of a case that it has nothing to do with: property tests draw the same cases at
    // every run of all tests, and others when a crate is tested by itself.
    if env::var_os(PROPERTY_SEED).is_none() {
        command.env(PROPERTY_SEED, "1");
    }
    command
}
