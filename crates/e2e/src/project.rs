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
    /// Name of its directory and, unless its files say another, of the project.
    pub name: String,
    /// The directory.
    pub directory: PathBuf,
    call: Call,
    engine: Engine,
}

/// How a person calls compose for a project, every time.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// What stands before the command, such as `--profile debug`.
    pub options: Vec<String>,
    /// Variables of the person's shell.
    pub shell: Vec<(String, String)>,
    /// What stands behind `up -d`.
    pub up: Vec<String>,
}

impl Call {
    /// With the name of the project, and nothing else.
    pub fn named(name: &str) -> Self {
        Self { options: vec!["-p".to_owned(), name.to_owned()], ..Self::default() }
    }
}

impl Project {
    /// Writes `compose.yaml` and brings it up. `{label}` in the text becomes the run's label.
    pub fn up(run: &Run, name: &str, compose: &str) -> anyhow::Result<Self> {
        Self::with_files(run, name, &[("compose.yaml", compose)])
    }

    /// The same with further files, such as `.env`.
    pub fn with_files(run: &Run, name: &str, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::called(run, name, files, Call::named(name))
    }

    /// The same, called in another way.
    pub fn called(run: &Run, name: &str, files: &[(&str, &str)], call: Call) -> anyhow::Result<Self> {
        let directory = run.directory.join("stacks").join(name);
        std::fs::create_dir_all(&directory)?;
        for (file, text) in files {
            let path = directory.join(file);
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, text.replace("{label}", &run.label()))?;
        }
        let project = Self { name: name.to_owned(), directory, call, engine: run.engine.clone() };
        project.compose_up()?;
        Ok(project)
    }

    /// Brings it up, or finds that nothing is to be done.
    pub fn compose_up(&self) -> anyhow::Result<String> {
        let mut arguments = vec!["up", "-d"];
        arguments.extend(self.call.up.iter().map(String::as_str));
        self.compose(&arguments)
    }

    /// Runs `docker compose` in the project's directory.
    pub fn compose(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self
            .engine
            .command()
            .current_dir(&self.directory)
            // A shell says where it stands, and files may ask it.
            .env("PWD", &self.directory)
            .envs(self.call.shell.iter().map(|(name, value)| (name, value)))
            .arg("compose")
            .args(&self.call.options)
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
