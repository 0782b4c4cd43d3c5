//! A private container engine for the tests: they kill it, fill it and remove everything in it, which nobody would want
//! done to the engine of the machine. All of it is below `target/engine`; firewall and kernel settings stay untouched.

mod daemon;
mod leftovers;
mod network;
mod place;
mod programs;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

pub(crate) use self::place::Place;
use self::programs::Programs;
use crate::docker::Docker;
use crate::{fixtures, host, say::say};

/// Start, stop or show the private container engine of the tests.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start it, unless it runs; after a crash this starts what is missing
    Start {
        /// 20.10 or 26.1 [default: the one that runs, else the one that is installed]
        #[arg(long)]
        version: Option<String>,
    },
    /// Remove its containers, networks and volumes and stop it; images stay for the next time
    Stop {
        /// Remove images and the registry too
        #[arg(long)]
        purge: bool,
    },
    /// Show whether it runs and where its socket is
    Status,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.action {
        Action::Start { version } => start(version.as_deref()).map(drop),
        Action::Stop { purge } => stop(*purge),
        Action::Status => status(),
    }
}

/// The running engine of this version.
pub(crate) fn start(version: Option<&str>) -> Result<Docker> {
    host::ensure_engine_installed()?;
    let place = Place::new()?;
    let docker = client(&place)?;
    let programs = Programs::of(version.map(str::to_owned).or_else(|| place.version()).as_deref(), &place)?;
    if place.version().is_some_and(|version| version != programs.version) {
        stop(false)?;
    }
    if !docker.answers() {
        place.set_version(&programs.version)?;
        network::create_bridge()?;
        daemon::start(&place, &programs, &docker)?;
    }
    say(format_args!("The engine of the tests ({}) answers at {}", docker.engine_version()?, place.host()));
    Ok(docker)
}

/// Stops the engine and the registry beside it.
pub(crate) fn stop(purge: bool) -> Result<()> {
    let place = Place::new()?;
    let docker = client(&place)?;
    if !docker.answers() && place.version().is_some() {
        // It was killed. Only the engine itself knows the networks and mounts of its containers, so it comes back for
        // its own removal; what fails here is removed as far as it can be seen from outside.
        revive(&place, &docker).ok();
    }
    leftovers::empty(&docker);
    fixtures::stop_registry(&place);
    daemon::stop(&place);
    leftovers::remove(&place)?;
    if purge {
        place.purge()?;
    }
    say("The engine of the tests is stopped");
    Ok(())
}

fn revive(place: &Place, docker: &Docker) -> Result<()> {
    daemon::start(place, &Programs::of(place.version().as_deref(), place)?, docker)
}

fn status() -> Result<()> {
    let place = Place::new()?;
    match client(&place)?.engine_version() {
        Ok(version) => say(format_args!("running: {version} at {}", place.host())),
        Err(_) => say("stopped"),
    }
    Ok(())
}

fn client(place: &Place) -> Result<Docker> {
    Docker::find(&place.host()).context("there is no `docker` command; `cargo xtask engine start` installs it")
}
