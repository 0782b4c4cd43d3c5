//! The engine that Homeport runs on: found, installed or started.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::install;
use crate::docker::{DEFAULT_SOCKET, Docker};
use crate::say::say;
use crate::{process, program};

/// An engine needs a moment for its first start, when it creates its storage.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Where an engine writes that no init system watches.
const LOG: &str = "/var/log/dockerd.log";

/// A running engine with Compose v2: the one that `DOCKER_HOST` names, or that of this machine, installed and started
/// when it is not.
pub(crate) fn ensure_engine(host: Option<&str>) -> Result<Docker> {
    let default = format!("unix://{DEFAULT_SOCKET}");
    let docker = ensure_command_line(host.unwrap_or(&default))?;
    if docker.answers() {
        return Ok(docker);
    }
    if let Some(host) = host {
        bail!("no container engine answers at {host}, which DOCKER_HOST names; start it or unset DOCKER_HOST");
    }
    if program::find("dockerd").is_none() {
        install::engine()?;
    }
    start(&docker)?;
    Ok(docker)
}

/// The programs of an engine with Compose v2, without starting it.
pub(crate) fn ensure_engine_installed() -> Result<()> {
    if program::find("dockerd").is_none() {
        install::engine()?;
    }
    ensure_command_line(DEFAULT_SOCKET).map(drop)
}

fn ensure_command_line(host: &str) -> Result<Docker> {
    if Docker::find(host).is_none() {
        install::engine()?;
    }
    let docker =
        Docker::find(host).context("the packages of the engine brought no `docker` command; install Docker's CLI")?;
    if !docker.has_compose() {
        install::plugins()?;
    }
    if !docker.has_compose() {
        bail!("`docker compose` does not work; install Compose v2 as a plugin of Docker's CLI");
    }
    Ok(docker)
}

fn start(docker: &Docker) -> Result<()> {
    if docker.answers() {
        return Ok(()); // Installing the packages has started it.
    }
    if !rustix::process::geteuid().is_root() {
        bail!("the container engine is not running (or not for this user); run this again with sudo");
    }
    // This directory is how an init system of this kind says that it is the one in charge.
    if Path::new("/run/systemd/system").is_dir() {
        say("Starting the container engine with systemctl …");
        program::run_quietly(Command::new("systemctl").args(["start", "docker"]))?;
    } else {
        say(format_args!("Starting the container engine; nothing supervises it here, its log is {LOG} …"));
        let dockerd = program::require("dockerd", "install Docker's engine")?;
        process::spawn_detached(&mut Command::new(dockerd), Path::new(LOG))?;
    }
    process::wait_until("starting the container engine", START_LIMIT, || docker.answers())
        .with_context(|| format!("the engine does not answer at {DEFAULT_SOCKET}; see {LOG} or `journalctl -u docker`"))
}
