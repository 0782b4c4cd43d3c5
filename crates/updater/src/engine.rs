//! The container engine as an update sees it. docker-agent is behind it; tests put a model there.

mod agent;
mod container;
mod convert;
#[cfg(test)]
pub(crate) mod fake;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operations::Action;

pub use agent::AgentEngine;
pub use container::{Container, Health, HealthCheck, Mount, MountKind, Namespace, State, Swarm, Task};

/// Why the engine did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{action}: {message}")]
pub struct EngineError {
    /// What was being done to what.
    pub action: String,
    /// What kind of failure it is.
    pub kind: EngineErrorKind,
    /// docker-agent's words.
    pub message: String,
}

/// What kind of failure it is, by what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineErrorKind {
    /// docker-agent or the engine is away. Waiting helps.
    Away,
    /// There is no such object.
    NotFound,
    /// The object's state forbids it, or the file or registry does.
    Refused,
    /// A file is no longer what it was expected to be.
    Changed,
    /// A disk is full.
    Full,
    /// The engine has lost track of the container and will never start it again.
    Lost,
    /// Anything else.
    Other,
}

/// In what two containers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path in the inspect document.
    pub field: String,
    /// JSON before; empty where it was missing.
    pub before: String,
    /// JSON after; empty where it is missing.
    pub after: String,
}

/// A container that compose may only replace by what is like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard<'a> {
    /// As it is.
    pub inspect_json: &'a str,
    /// Fields in which the new one may differ.
    pub expected: &'a [String],
    /// `sha256:…` of the image of the new one.
    pub image_id: &'a str,
}

/// What a service is to be brought up for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Up<'a> {
    /// Recreate even what compose sees no reason to.
    pub recreate: bool,
    /// The new container is to run.
    pub start: bool,
    /// What is only replaced by what is like it; otherwise nothing is done.
    pub guards: &'a [Guard<'a>],
    /// In whatever it differs, as long as its image is the right one.
    pub accepts: bool,
}

/// In what new containers differ from those that they were to replace, seen before anything was done to those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unlike {
    /// So much that nothing was done.
    pub refused: Vec<Difference>,
    /// What was let pass.
    pub accepted: Vec<Difference>,
}

/// An image that is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`
    pub id: String,
    /// References that point at it.
    pub tags: Vec<String>,
}

/// What to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Repository with its registry.
    pub repository: String,
    /// Digest of the manifest or index.
    pub digest: String,
}

/// How a port answers, each including the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortAnswer {
    /// Nothing listens.
    Closed,
    /// A connection is accepted and stays.
    Open,
    /// Something is sent.
    Talks,
    /// It speaks HTTP, with a status below 500.
    Http,
    /// It speaks HTTP, with a status from 200 to 399.
    HttpOk,
}

/// What a port is asked, and what it has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPort {
    /// In the container.
    pub port: u16,
    /// None: whatever it answers at the first try.
    pub answer: Option<PortAnswer>,
    /// The page to ask for. None: the first one, and only after it had time to speak by itself.
    pub path: Option<String>,
}

/// A port and its answer: what it gave, or what is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// In the container.
    pub port: u16,
    /// What it answers.
    pub answer: PortAnswer,
}

/// A compose project, as the labels of its containers describe it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Paths on the host, in the order in which compose got them.
    pub config_files: Vec<String>,
    /// What paths in the files are relative to.
    pub working_dir: String,
    /// Empty: `.env` in the working directory, if there is one.
    pub environment_files: Vec<String>,
}

/// What compose makes of a project's files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// The image of each service.
    pub images: BTreeMap<String, String>,
    /// What compose would write into each service's `config-hash` label.
    pub config_hashes: BTreeMap<String, String>,
}

/// Data that can be copied and brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// A volume or a bind.
    pub kind: MountKind,
    /// Name of the volume, or path on the host.
    pub source: String,
}

/// What a copy of data would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Everything that is no directory.
    pub files: u64,
    /// Lengths of all files.
    pub total_bytes: u64,
    /// What a first copy takes on the disk.
    pub needed_bytes: u64,
    /// What is free for it.
    pub free_bytes: u64,
}

/// A lock by which an application says that it must not be interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateLock {
    /// Which of the directories that were asked about.
    pub directory: usize,
    /// Name of the file.
    pub file: String,
    /// Its owner.
    pub uid: u32,
    /// When it was made or last written to.
    pub since: Option<Timestamp>,
    /// What is in it.
    pub content: String,
}

/// What became of taking update locks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenLocks {
    /// What applications hold; nothing was taken then.
    pub held: Vec<UpdateLock>,
    /// What applications held and was deleted.
    pub broken: Vec<UpdateLock>,
}

/// How far an update of Homeport by itself is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelfUpdateState {
    /// There is none.
    None,
    /// The container beside the stack is at it.
    Running,
    /// It ended; this is its result, as JSON.
    Ended(String),
}

/// Told of the percentage and in the engine's words.
pub type OnProgress<'a> = &'a (dyn Fn(u32, &str) + Send + Sync);

/// The container engine. Every call may be repeated; what is already so is no error.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The container that docker-agent runs in, if it runs in one.
    async fn own_container(&self) -> Result<Option<String>, EngineError>;
    /// All containers that carry all of these labels; an empty value stands for any.
    async fn containers(&self, labels: &[(&str, &str)]) -> Result<Vec<Container>, EngineError>;
    /// A container by id or name. None: there is none.
    async fn container(&self, container: &str) -> Result<Option<Container>, EngineError>;
    /// Does what somebody asked for by hand.
    async fn act(&self, container: &str, action: &Action) -> Result<(), EngineError>;
    /// Starts a container.
    async fn start(&self, container: &str) -> Result<(), EngineError>;
    /// Stops a container in its own way.
    async fn stop(&self, container: &str) -> Result<(), EngineError>;
    /// Kills and removes a container, and none of its volumes.
    async fn remove(&self, container: &str) -> Result<(), EngineError>;
    /// Renames a container.
    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError>;
    /// Makes a container that equals another but for image and name; says in what else it would differ.
    async fn create_replacement(
        &self,
        inspect_json: &str,
        image: &str,
        name: &str,
        operation: &str,
    ) -> Result<(String, Vec<Difference>), EngineError>;
    /// In what two containers differ that they should not.
    async fn compare(&self, before: &str, after: &str) -> Result<Vec<Difference>, EngineError>;
    /// How ports answer, as soon as each answers as wanted, at the latest after the limit.
    async fn probe_ports(
        &self,
        container: &str,
        ports: &[WantedPort],
        limit: Duration,
    ) -> Result<Vec<Port>, EngineError>;
    /// Makes a Swarm service use another image, with the rest of its specification as it is.
    async fn set_service_image(&self, service: &str, image: &str) -> Result<(), EngineError>;
    /// An image by id or reference. None: it is not here.
    async fn image(&self, image: &str) -> Result<Option<Image>, EngineError>;
    /// Fetches an image; tags stay where they are.
    async fn pull(&self, pull: &Pull, on_progress: OnProgress<'_>) -> Result<Image, EngineError>;
    /// Points a tag at an image.
    async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError>;
    /// Takes a tag away, and the image with its last one.
    async fn untag(&self, reference: &str) -> Result<(), EngineError>;
    /// What compose makes of a project.
    async fn resolve(&self, project: &Project) -> Result<Resolved, EngineError>;
    /// Brings one service to what the files say.
    async fn up_service(&self, project: &Project, service: &str, up: Up<'_>) -> Result<Unlike, EngineError>;
    /// Reads a file of a project. None: there is none.
    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, EngineError>;
    /// Replaces a file that holds what is expected.
    async fn write_file(&self, path: &str, content: &[u8], expected: &[u8]) -> Result<(), EngineError>;
    /// Brings a snapshot to the present contents of its sources.
    async fn take_snapshot(&self, id: &str, sources: &[Source], labels: &[(&str, &str)]) -> Result<(), EngineError>;
    /// Brings the sources back to a snapshot.
    async fn restore_snapshot(&self, id: &str) -> Result<(), EngineError>;
    /// Deletes a snapshot.
    async fn delete_snapshot(&self, id: &str) -> Result<(), EngineError>;
    /// What a snapshot of these would hold, and the room that there is.
    async fn measure(&self, sources: &[Source]) -> Result<Measure, EngineError>;
    /// Makes a volume for each source of a snapshot, with what it holds of it; gives what to mount for each: the volume's
    /// name, or the path on the host of the copy of a file.
    async fn fork_snapshot(&self, id: &str, fork: &str) -> Result<Vec<String>, EngineError>;
    /// Removes the volumes of a fork.
    async fn discard_fork(&self, fork: &str) -> Result<(), EngineError>;
    /// Takes the update locks in these directories, all or none; by force also what applications hold.
    async fn take_locks(&self, directories: &[Source], force: bool) -> Result<TakenLocks, EngineError>;
    /// Gives them back.
    async fn release_locks(&self, directories: &[Source]) -> Result<(), EngineError>;
    /// Hands over an update of Homeport by itself. Again with the same id changes nothing.
    async fn start_self_update(&self, id: &str, job_json: &str) -> Result<(), EngineError>;
    /// How far it is.
    async fn self_update(&self, id: &str) -> Result<SelfUpdateState, EngineError>;
    /// Removes what carried it out.
    async fn forget_self_update(&self, id: &str) -> Result<(), EngineError>;
    /// Begins to restart Homeport's own containers; gives their names.
    async fn restart_own(&self) -> Result<Vec<String>, EngineError>;
    /// Ids of the snapshots that are there.
    async fn snapshots(&self) -> Result<Vec<String>, EngineError>;
}
