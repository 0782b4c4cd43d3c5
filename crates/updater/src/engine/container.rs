//! A container as an update sees it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A kind of namespace that containers can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// Addresses and ports.
    Network,
    /// Processes.
    Pid,
    /// Shared memory.
    Ipc,
}

impl Namespace {
    /// Where the inspect document says whose it is.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Network => "NetworkMode",
            Self::Pid => "PidMode",
            Self::Ipc => "IpcMode",
        }
    }
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Made but never started.
    Created,
    /// Running, or paused.
    Running,
    /// The engine starts it again and again.
    Restarting,
    /// Not running any more.
    Exited,
}

/// What a container's own check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It has no check.
    None,
    /// Not known yet.
    Starting,
    /// Passed.
    Healthy,
    /// Failed as often as it may.
    Unhealthy,
}

/// A container's own check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthCheck {
    /// Between two checks.
    pub interval: Duration,
    /// For one check.
    pub timeout: Duration,
    /// Failures in this time after the start do not count.
    pub start_period: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
}

/// Where the data of a mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountKind {
    /// A volume of the engine, named or anonymous.
    Volume,
    /// A path of the host.
    Bind,
    /// Memory, a socket, or anything else that cannot be copied.
    Other,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where its data is.
    pub kind: MountKind,
    /// Name of the volume, or path on the host.
    pub source: String,
    /// Path in the container.
    pub destination: String,
    /// Whether the container may write.
    pub is_writable: bool,
}

/// A container, inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// The reference that it was made from, or a bare id.
    pub image: String,
    /// `sha256:…` of its image.
    pub image_id: String,
    /// Digests that registries know its image by, each `repository@sha256:…`.
    pub repo_digests: Vec<String>,
    /// What it is doing.
    pub state: State,
    /// What its check says.
    pub health: Health,
    /// The newest output of its check.
    pub health_output: String,
    /// Its check.
    pub health_check: Option<HealthCheck>,
    /// How often the engine restarted it since it was started by hand.
    pub restart_count: u32,
    /// Of its last run.
    pub exit_code: i32,
    /// What the engine said when it could not start it.
    pub error: String,
    /// None: never started.
    pub started_at: Option<Timestamp>,
    /// Its labels, those of the image among them.
    pub labels: BTreeMap<String, String>,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// TCP ports that are published on the host.
    pub published_ports: Vec<u16>,
    /// Whose namespaces it lives in, by their kind: the other container's id, the beginning of it, or its name.
    pub shares: BTreeMap<Namespace, String>,
    /// Names of the containers that it is linked to, by alias. They are those that they have now, or had when they were
    /// removed: then it cannot be started, whoever has the name now.
    pub links: BTreeMap<String, String>,
    /// The engine deletes it when it stops.
    pub auto_remove: bool,
    /// The whole inspect document.
    pub inspect_json: String,
    /// Set for a Swarm service, which is seen as if it were a container.
    pub swarm: Option<Swarm>,
}

impl Container {
    /// The namespaces of another container that it lives in.
    pub fn shared_with(&self, owner: &Self) -> impl Iterator<Item = Namespace> {
        let is_owner = |of: &str| of == owner.id || of == owner.name || (of.len() >= 12 && owner.id.starts_with(of));
        self.shares.iter().filter(move |(_, of)| self.id != owner.id && is_owner(of)).map(|(kind, _)| *kind)
    }

    /// Whether it runs, be it for the first time or again and again.
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Running | State::Restarting)
    }

    /// A label's value; an empty one is none.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first digits of the id, as people and compose use them.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// What a Swarm service has that a container has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swarm {
    /// Tasks that are to run.
    pub desired: u64,
    /// Tasks that do.
    pub running: u64,
    /// Its image as it is specified, with its digest if it has one.
    pub specified: String,
    /// How far its last change is, in Swarm's words. Empty: there was none.
    pub update_state: String,
    /// More about that.
    pub update_message: String,
    /// It runs its tasks to their end, and again when it is changed.
    pub is_job: bool,
    /// Its tasks have something mounted.
    pub has_mounts: bool,
    /// Its tasks, newest first. Only where the one service was asked for.
    pub tasks: Vec<Task>,
}

/// A task of a Swarm service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// What it runs.
    pub image: String,
    /// In Swarm's words.
    pub state: String,
    /// In Swarm's words.
    pub desired_state: String,
    /// Why it is in that state.
    pub error: String,
}
