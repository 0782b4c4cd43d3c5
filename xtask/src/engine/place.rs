//! Where everything of the private engine is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::repository;

/// The directory of the private engine.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    /// `target/engine`, made if need be.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { root: repository::target_directory("engine")? })
    }

    /// A path below.
    pub(crate) fn join(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// The root of it all.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// How clients reach the engine, whatever its version.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.join("docker.sock").display())
    }

    /// State that ends with the processes: sockets, network namespaces, bundles.
    pub(crate) fn run(&self) -> PathBuf {
        self.join("run")
    }

    pub(crate) fn containerd_socket(&self) -> PathBuf {
        self.run().join("containerd.sock")
    }

    /// The id of the engine's process; tests that kill the engine read it here.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.join("docker.pid")
    }

    /// Images, volumes and containers. An engine cannot read what a newer one wrote, so each version has its own.
    pub(crate) fn data(&self, version: &str) -> PathBuf {
        self.join("data").join(version)
    }

    /// The version that was started last and not stopped since.
    pub(crate) fn version(&self) -> Option<String> {
        std::fs::read_to_string(self.join("version")).ok()
    }

    pub(crate) fn set_version(&self, version: &str) -> Result<()> {
        std::fs::write(self.join("version"), version).context("noting the version of the engine")
    }

    /// Forgets that an engine was started.
    pub(crate) fn clear_version(&self) {
        std::fs::remove_file(self.join("version")).ok();
    }

    /// Removes everything; the engine is stopped.
    pub(crate) fn purge(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.root).with_context(|| format!("removing {}", self.root.display()))
    }
}
