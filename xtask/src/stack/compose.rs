//! `docker compose` over `compose/compose.yaml`, with the settings handed to it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::Settings;
use crate::docker::{DEFAULT_SOCKET, Docker};
use crate::{program, repository};

/// One stack on one engine.
pub(crate) struct Compose<'a> {
    docker: Docker,
    settings: &'a Settings,
    /// What the compose file cannot say by itself, when there is such a thing.
    addition: Option<PathBuf>,
}

impl<'a> Compose<'a> {
    pub(crate) fn new(docker: Docker, settings: &'a Settings) -> Result<Self> {
        let addition = write_addition(settings)?;
        Ok(Self { docker, settings, addition })
    }

    /// Creates and starts what is not there or has changed.
    pub(crate) fn up(&self) -> Result<()> {
        program::run_quietly(self.command()?.args(["up", "--detach", "--no-build", "--remove-orphans"]))
    }

    pub(crate) fn down(&self) -> Result<()> {
        program::run_quietly(self.command()?.args(["down", "--remove-orphans"]))
    }

    /// The services that stay running.
    pub(crate) fn services(&self) -> Result<Vec<String>> {
        let listed = program::read(self.command()?.args(["config", "--services"]))?;
        Ok(listed.lines().filter(|service| *service != "init").map(str::to_owned).collect())
    }

    /// Whether a service says of itself that it serves. The same as its HEALTHCHECK, but now and not at the next interval.
    pub(crate) fn is_healthy(&self, service: &str) -> Result<bool> {
        let mut check = self.command()?;
        check.args(["exec", "--no-TTY", service, "/usr/bin/homeport", "healthcheck", service]);
        Ok(program::succeeds(&mut check))
    }

    /// The end of what a service has logged.
    pub(crate) fn last_words(&self, service: &str) -> Result<String> {
        program::read(self.command()?.args(["logs", "--no-log-prefix", "--tail", "15", service]))
    }

    fn command(&self) -> Result<Command> {
        let stacks = self.settings.stacks()?;
        let mut command = self.docker.command(["compose"]);
        command.arg("--file").arg(repository::root().join("compose/compose.yaml"));
        if let Some(addition) = &self.addition {
            command.arg("--file").arg(addition);
        }
        command
            .env("HOMEPORT_HTTP", self.settings.http())
            .env("HOMEPORT_STATE", self.settings.state()?)
            .env("HOMEPORT_CONFIGS", self.settings.configs()?)
            .env("HOMEPORT_ROOT", self.settings.root()?)
            .env("HOMEPORT_DOCKER_SOCKET", self.docker.socket().unwrap_or(DEFAULT_SOCKET));
        // What was built here runs, whatever a `.env` beside the compose file says of images from elsewhere.
        command
            .env("HOMEPORT_IMAGES", "homeport")
            .env("HOMEPORT_VERSION", "local")
            .env("HOMEPORT_PULL_POLICY", "never");
        command.env("HOMEPORT_ADMIN_PASSWORD", self.settings.admin_password().unwrap_or_default());
        if let Some(first) = stacks.first() {
            command.env("HOMEPORT_STACKS", first);
        }
        Ok(command)
    }
}

/// Compose mounts one directory for one variable; a list of them is spelt out in a second file, kept with the state so
/// that whoever looks for the reason of a mount finds it.
fn write_addition(settings: &Settings) -> Result<Option<PathBuf>> {
    let stacks = settings.stacks()?;
    let file = settings.state()?.join("compose.stacks.yaml");
    if stacks.len() < 2 {
        return Ok(None);
    }
    let state = settings.state()?;
    std::fs::create_dir_all(&state).with_context(|| format!("creating {}", state.display()))?;
    std::fs::write(&file, addition(&stacks)?).with_context(|| format!("writing {}", file.display()))?;
    Ok(Some(file))
}

fn addition(stacks: &[PathBuf]) -> Result<String> {
    let list = std::env::join_paths(stacks).context("joining the directories of HOMEPORT_STACKS")?;
    let mut text = String::from(
        "# Written by `cargo xtask up`: the directories of HOMEPORT_STACKS after the first.\nservices:\n  docker-agent:\n",
    );
    let list = repository::quoted(list.as_ref());
    writeln!(text, "    environment: {{HOMEPORT_STACKS: {list}}}\n    volumes:")?;
    for stack in &stacks[1..] {
        let path = repository::quoted(stack);
        writeln!(text, "      - {{type: bind, source: {path}, target: {path}}}")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_stacks_are_mounted_at_their_own_path() {
        let text = addition(&[PathBuf::from("/srv/a"), PathBuf::from("/srv/b c")]).unwrap();
        assert!(text.contains("HOMEPORT_STACKS: \"/srv/a:/srv/b c\""), "{text}");
        assert!(text.contains("- {type: bind, source: \"/srv/b c\", target: \"/srv/b c\"}"), "{text}");
        assert!(!text.contains("source: \"/srv/a\""), "{text}");
    }
}
