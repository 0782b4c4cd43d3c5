//! What was found out before deciding.

use homeport_compose_file::Sources;

use super::{Follower, LockPlace};
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
    /// Others that follow it, in this order.
    pub followers: Vec<Follower>,
    /// What a person should know about them.
    pub warnings: Vec<String>,
    /// Where running containers of its project, or it alone, and those that follow it keep their update locks.
    pub locks: Vec<LockPlace>,
    /// What its published ports answer now.
    pub ports: Vec<Port>,
}

/// A running container that uses something of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Name of the running container.
    pub container: String,
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
    /// The other containers of the service.
    pub peers: Vec<Container>,
    /// The files that compose reads, as far as they may be read.
    pub files: Sources,
    /// The service's image, variables resolved. None: it has none, because it is built.
    pub image: Option<String>,
    /// What compose would write into the service's `config-hash` label now.
    pub config_hash: Option<String>,
}

/// What to update to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The tag.
    pub tag: String,
    /// The digest that the registry gave for it.
    pub digest: String,
}

impl Facts {
    /// The other containers of the service.
    pub fn peers(&self) -> &[Container] {
        self.project.as_ref().map_or(&[], |project| &project.peers)
    }
}
