//! What runs.

mod agent;

use std::collections::BTreeMap;

use async_trait::async_trait;
use homeport_service::status::Coded;
use tonic::Code;

pub use agent::AgentInventory;

use crate::registry::Platform;

/// The label that says what a container of Homeport's own is for.
const ROLE_LABEL: &str = "homeport.role";
/// What docker-agent makes for a while.
const HELPER_ROLES: [&str; 2] = ["helper", "self-update"];

/// A container as a check needs to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// The reference that it was created from, or the bare id of an image.
    pub image: String,
    /// Digests under which its image is known to registries, each `repository@sha256:…`.
    pub repo_digests: Vec<String>,
    /// What its image's configuration hashes to.
    pub image_id: String,
    /// What its image was built for.
    pub platform: Platform,
    /// The engine remembers that its image was built here and never pulled.
    pub is_image_local: bool,
    /// It runs, or is paused or restarting.
    pub running: bool,
    /// `healthy`, `unhealthy`, `starting` or `none`.
    pub health: &'static str,
    /// All its labels, those of its image included.
    pub labels: BTreeMap<String, String>,
    /// Labels of its image.
    pub image_labels: BTreeMap<String, String>,
    /// Containers whose network, processes or memory it shares, or that it is linked to.
    pub shares_with: Vec<String>,
    /// Its place in a compose project.
    pub compose: Option<ComposePlace>,
}

impl Container {
    /// Whether it is one of the short-lived containers in which Homeport itself works.
    pub fn is_helper(&self) -> bool {
        self.labels.get(ROLE_LABEL).is_some_and(|role| HELPER_ROLES.contains(&role.as_str()))
    }
}

/// A container's place in a compose project, as its labels tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComposePlace {
    /// Name of the project.
    pub project: String,
    /// Name of the service.
    pub service: String,
    /// Absolute paths on the host, in the order compose got them.
    pub config_files: Vec<String>,
    /// Absolute path on the host.
    pub working_dir: String,
    /// As compose got them. Empty: `.env` in the working directory if there is one.
    pub environment_files: Vec<String>,
    /// Names of services.
    pub depends_on: Vec<String>,
}

/// Tells what runs, and what its compose files say. docker-agent is behind it; tests put a list there.
#[async_trait]
pub trait Inventory: Send + Sync + 'static {
    /// Every container, also those that do not run.
    async fn containers(&self) -> Result<Vec<Container>, InventoryError>;

    /// A file of a compose project. None: it is not there, not to be read, or no text.
    async fn read_file(&self, path: &str) -> Result<Option<String>, InventoryError>;
}

/// docker-agent or the engine behind it said no.
#[derive(Debug, Clone, thiserror::Error)]
#[error("docker-agent: {}", .0.message())]
pub struct InventoryError(pub tonic::Status);

impl Coded for InventoryError {
    fn code(&self) -> Code {
        self.0.code()
    }
}

impl ComposePlace {
    /// The place of a Swarm service in its stack, which has no files that could be read here. None: it is in no stack.
    pub fn of_swarm(labels: &BTreeMap<String, String>, service: &str) -> Option<Self> {
        let project = labels.get("com.docker.stack.namespace")?.to_owned();
        Some(Self { project, service: service.to_owned(), ..Self::default() })
    }

    /// Reads the labels that `docker compose` puts on what it makes. None for containers that it did not make, and for
    /// those of `docker compose run`, which belong to no service's state.
    pub fn of_labels(labels: &BTreeMap<String, String>) -> Option<Self> {
        let label = |name: &str| labels.get(&format!("com.docker.compose.{name}")).map(String::as_str);
        let list = |name: &str| -> Vec<String> {
            label(name)
                .unwrap_or("")
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let service =
            label("service").filter(|_| !label("oneoff").is_some_and(|text| text.eq_ignore_ascii_case("true")))?;
        Some(Self {
            project: label("project")?.to_owned(),
            service: service.to_owned(),
            config_files: list("project.config_files"),
            working_dir: label("project.working_dir").unwrap_or("").to_owned(),
            environment_files: list("project.environment_file"),
            depends_on: list("depends_on")
                .iter()
                .filter_map(|entry| entry.split(':').next())
                .map(str::to_owned)
                .collect(),
        })
    }
}
