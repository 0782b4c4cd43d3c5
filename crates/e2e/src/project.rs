//! A compose project on disk, as a person would write it.

use std::{
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::{Context as _, bail};

use crate::{Engine, Run, engine::printed};

/// A compose project in a directory of its own; taken down when dropped.
#[derive(Debug)]
pub struct Project {
    /// Name of the project and of its directory.
    pub name: String,
    /// The directory.
    pub directory: PathBuf,
    engine: Engine,
}

impl Project {
    /// Writes `compose.yaml` and brings it up. `{label}` in the text becomes the run's label.
    pub fn up(run: &Run, name: &str, compose: &str) -> anyhow::Result<Self> {
        Self::with_files(run, name, &[("compose.yaml", compose)])
    }

    /// The same with further files, such as `.env`.
    pub fn with_files(run: &Run, name: &str, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        let directory = run.directory.join("stacks").join(name);
        std::fs::create_dir_all(&directory)?;
        for (file, text) in files {
            let path = directory.join(file);
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, text.replace("{label}", &run.label()))?;
        }
        let project = Self { name: name.to_owned(), directory, engine: run.engine.clone() };
        project.compose(&["up", "-d"])?;
        Ok(project)
    }

    /// Runs `docker compose` in the project's directory.
    pub fn compose(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self
            .engine
            .command()
            .current_dir(&self.directory)
            .args(["compose", "-p", &self.name])
            .args(arguments)
            .output()
            .context("cannot run docker compose")?;
        printed(&output).with_context(|| format!("docker compose {} in {}", arguments.join(" "), self.name))
    }

    /// Content of one of its files.
    pub fn file(&self, name: &str) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.directory.join(name))?)
    }

    /// Name of the only container of a service, which must be running.
    pub fn container(&self, service: &str) -> anyhow::Result<String> {
        let names = self.compose(&["ps", "--format", "{{.Name}}", service])?;
        anyhow::ensure!(names.lines().count() == 1, "service {service} has these containers: {names:?}");
        Ok(names)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if let Err(error) = self.compose(&["down", "-v", "--timeout", "1"]) {
            eprintln!("left behind: project {}: {error:#}", self.name);
        }
    }
}

/// A TCP port that nothing listens on at this moment.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The first three numbers of a /24 network that this machine has no way to. It is of the test engine's pool, so that its
/// bridge is known after a crash, and far above what the engine gives out by itself.
pub fn free_subnet() -> anyhow::Result<String> {
    static TAKEN: AtomicU8 = AtomicU8::new(127);
    let routes = std::fs::read_to_string("/proc/net/route").context("reading the routes")?;
    loop {
        let number = TAKEN.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if number < 128 {
            bail!("all networks from 10.231.128.0/24 to 10.231.255.0/24 are taken");
        }
        // The table has them as the bytes lie in memory.
        let destination = format!("{:08X}", u32::from_le_bytes([10, 231, number, 0]));
        if !routes.lines().any(|route| route.split_whitespace().nth(1) == Some(&destination)) {
            return Ok(format!("10.231.{number}"));
        }
    }
}
