//! What was found out before deciding.

use crate::engine::{Container, Port, Project};

/// What was found out before deciding.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The container.
    pub container: Container,
    /// The container that docker-agent runs in.
    pub own_container: Option<String>,
    /// Its compose project, when its labels name one.
    pub project: Option<ProjectFacts>,
    /// Other running containers that use something of it.
    pub shared: Vec<Shared>,
    /// What its published ports answer now.
    pub ports: Vec<Port>,
}

/// A running container that uses something of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Name of the running container.
    pub container: String,
    /// It runs in the other's network, and loses it when the other is recreated.
    pub network: bool,
    /// Volumes and paths that both have mounted and it may write to.
    pub sources: Vec<String>,
}

/// A compose project.
#[derive(Debug, Clone)]
pub struct ProjectFacts {
    /// The project.
    pub project: Project,
    /// The container's service.
    pub service: String,
    /// How many containers the service has.
    pub replicas: usize,
    /// The files that compose reads.
    pub files: ProjectFiles,
    /// The service's image, variables resolved. None: it has none, because it is built.
    pub image: Option<String>,
    /// What compose would write into the service's `config-hash` label now.
    pub config_hash: Option<String>,
}

/// The texts that say which image a service has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectFiles {
    /// Compose files in compose's order, those that they refer to before them.
    pub compose: Vec<TextFile>,
    /// Environment files that exist, in their order.
    pub environment: Vec<TextFile>,
}

/// A file by its path and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Path on the host.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl ProjectFiles {
    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.compose.iter().chain(&self.environment).find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

/// What to update to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The tag.
    pub tag: String,
    /// The digest that the registry gave for it.
    pub digest: String,
}
