//! The container engine, as a person at a shell has it.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::run::{root, variable};

/// The private engine of the test runs, reached through the `docker` command.
#[derive(Debug, Clone)]
pub struct Engine {
    host: String,
}

impl Engine {
    /// The engine at `HOMEPORT_TEST_DOCKER_HOST`, else the one that `cargo xtask engine start` starts.
    pub fn find() -> anyhow::Result<Self> {
        let host = variable("HOMEPORT_TEST_DOCKER_HOST")
            .unwrap_or_else(|| format!("unix://{}", root().join("target/engine/docker.sock").display()));
        let engine = Self { host };
        engine.docker(&["version"]).context("no engine; run `cargo xtask engine start` and `cargo xtask fixtures`")?;
        Ok(engine)
    }

    /// Value for `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Runs `docker` and returns what it printed.
    pub fn docker(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command().args(arguments).output().context("cannot run docker")?;
        printed(&output).with_context(|| format!("docker {}", arguments.join(" ")))
    }

    /// A `docker` command to add to.
    pub fn command(&self) -> Command {
        // The engine's own package first: a newer client elsewhere may refuse options that an older engine knows.
        let packaged = std::path::Path::new("/usr/bin/docker");
        let mut command = Command::new(if packaged.exists() { packaged } else { std::path::Path::new("docker") });
        command.env("DOCKER_HOST", &self.host);
        command
    }

    /// The inspect document of a container.
    pub fn inspect(&self, container: &str) -> anyhow::Result<Value> {
        let text = self.docker(&["container", "inspect", container])?;
        let mut documents: Vec<Value> = serde_json::from_str(&text)?;
        documents.pop().context("docker inspect printed an empty list")
    }

    /// Names of all containers, running or not, that a filter lets through.
    pub fn containers(&self, filter: &str) -> anyhow::Result<Vec<String>> {
        let text = self.docker(&["ps", "-a", "--filter", filter, "--format", "{{.Names}}"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Kills the engine's daemon without warning.
    pub fn kill(&self) -> anyhow::Result<()> {
        let pid: i32 = std::fs::read_to_string(pid_file())
            .context("the engine's process is not known; these tests need the private engine")?
            .trim()
            .parse()?;
        let pid = rustix::process::Pid::from_raw(pid).context("the pid file holds no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
        Ok(())
    }

    /// Starts the engine again and waits until it answers.
    pub fn start(&self) -> anyhow::Result<()> {
        let output = Command::new("cargo")
            .current_dir(root())
            .args(["xtask", "engine", "start"])
            .env_remove("DOCKER_HOST")
            .output()?;
        printed(&output).context("cargo xtask engine start")?;
        Ok(())
    }
}

fn pid_file() -> PathBuf {
    root().join("target/engine/docker.pid")
}

/// Standard output of a command that succeeded, or an error with what it said.
pub(crate) fn printed(output: &Output) -> anyhow::Result<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        bail!("{}: {} {}", output.status, text(&output.stderr), text(&output.stdout));
    }
    Ok(text(&output.stdout))
}
