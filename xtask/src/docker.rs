//! The Docker command line, pointed at one engine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::program;

/// The socket that an engine listens on unless it was told otherwise.
pub(crate) const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// A Docker CLI and the engine that it talks to.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    program: PathBuf,
    /// Such as `unix:///var/run/docker.sock`.
    host: String,
}

/// A plugin of the CLI, as `docker info` lists it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Plugin {
    name: String,
    path: Option<PathBuf>,
}

impl Docker {
    /// The CLI found in `PATH`, talking to `host`; nothing when there is no CLI.
    pub(crate) fn find(host: &str) -> Option<Self> {
        Some(Self { program: program::find("docker")?, host: host.to_owned() })
    }

    /// The engine's socket, when it is one on this machine.
    pub(crate) fn socket(&self) -> Option<&str> {
        self.host.strip_prefix("unix://")
    }

    /// The CLI's own file.
    pub(crate) fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// A command that begins with these words.
    pub(crate) fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = Command::new(&self.program);
        // The environment decides for plugins too, which the option `--host` does not do for all of them. BuildKit has
        // to be asked for where the CLI is of 20.10.
        command.env("DOCKER_HOST", &self.host).env_remove("DOCKER_CONTEXT").env("DOCKER_BUILDKIT", "1").args(words);
        command
    }

    /// Whether an engine answers.
    pub(crate) fn answers(&self) -> bool {
        program::succeeds(&mut self.command(["version", "--format", "{{.Server.Version}}"]))
    }

    /// The engine's version, such as `20.10.24+dfsg1`.
    pub(crate) fn engine_version(&self) -> Result<String> {
        program::read(&mut self.command(["version", "--format", "{{.Server.Version}}"]))
    }

    /// Whether the CLI has Compose v2 as a plugin.
    pub(crate) fn has_compose(&self) -> bool {
        program::read(&mut self.command(["compose", "version", "--short"]))
            .is_ok_and(|version| !version.trim_start_matches('v').starts_with("1."))
    }

    /// Whether the CLI has buildx as a plugin.
    pub(crate) fn has_buildx(&self) -> bool {
        program::succeeds(&mut self.command(["buildx", "version"]))
    }

    /// Whether images can be built with named contexts, which the builder inside engines before 23.0 does not know.
    pub(crate) fn has_named_contexts(&self) -> Result<bool> {
        Ok(self.has_buildx() && major(&self.engine_version()?) >= 23)
    }

    /// The file of a plugin of the CLI.
    pub(crate) fn plugin(&self, name: &str) -> Result<PathBuf> {
        let listed = program::read(&mut self.command(["info", "--format", "{{json .ClientInfo.Plugins}}"]))?;
        let plugins: Vec<Plugin> =
            serde_json::from_str(&listed).context("reading the plugins that `docker info` lists")?;
        plugins
            .into_iter()
            .find(|plugin| plugin.name == name)
            .and_then(|plugin| plugin.path)
            .with_context(|| format!("`docker info` does not say where the plugin {name} is"))
    }
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("20.10.24+dfsg1"), 20);
        assert_eq!(major("28.2.2"), 28);
        assert_eq!(major("unknown"), 0);
    }
}
