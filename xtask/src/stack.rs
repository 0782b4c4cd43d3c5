//! The Homeport stack in containers: up and down.

mod compose;
mod git;
mod health;
mod images;
mod libraries;
mod settings;
mod shell;

use anyhow::Result;

use self::compose::Compose;
pub(crate) use self::images::build as build_images;
pub(crate) use self::settings::Settings;
use crate::{binaries, host, say::say};

/// Brings the stack up, or finds that it is. Each step looks first whether there is something to do.
pub(crate) fn up(settings: &Settings) -> Result<()> {
    let docker = host::ensure_engine(settings.docker_host())?;
    let binaries = binaries::build(settings.profile())?;
    build_images(&docker, &binaries)?;
    let compose = Compose::new(docker, settings)?;
    compose.up()?;
    health::wait(&compose)?;
    say(format_args!("Homeport is up: http://{}", settings.http_for_people()));
    say(settings.where_the_password_is()?);
    Ok(())
}

/// Removes the containers. State, settings and images stay.
pub(crate) fn down(settings: &Settings) -> Result<()> {
    let docker = host::ensure_engine(settings.docker_host())?;
    let compose = Compose::new(docker, settings)?;
    compose.down()?;
    say(format_args!("Homeport is down; its state stays in {}", settings.state()?.display()));
    Ok(())
}
