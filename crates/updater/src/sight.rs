//! One look at the engine, for all that is decided about many containers at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use homeport_compose_file::Sources;
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    engine::{Container, Engine, EngineError, Project, Resolved},
    error::UpdateError,
    gather::files,
};

/// The containers as they were at one moment, and what was found out about their projects since.
///
/// To list hundreds of containers takes the engine far longer than to decide about one of them, and so does asking compose what
/// it makes of a project's files.
#[derive(Debug)]
pub struct Sight {
    all: Vec<Container>,
    own_container: Option<String>,
    taken: Instant,
    projects: Mutex<HashMap<Project, Arc<Found>>>,
}

/// What was found out about a project, once somebody asked.
type Found = OnceCell<(Sources, Resolved)>;

impl Sight {
    /// Looks.
    pub async fn take(engine: &dyn Engine) -> Result<Self, EngineError> {
        let taken = Instant::now();
        let (own_container, all) = tokio::try_join!(engine.own_container(), engine.containers(&[]))?;
        Ok(Self { all, own_container, taken, projects: Mutex::default() })
    }

    /// All containers.
    pub fn all(&self) -> &[Container] {
        &self.all
    }

    /// Id of the container that docker-agent runs in, if it runs in one.
    pub fn own_container(&self) -> Option<&str> {
        self.own_container.as_deref()
    }

    /// What is known of a registry since then is new enough.
    pub const fn taken(&self) -> Instant {
        self.taken
    }

    /// The files of a project, and what compose makes of them. The service is the one that an error is about.
    pub async fn project(
        &self,
        engine: &dyn Engine,
        project: &Project,
        service: &str,
    ) -> Result<(Sources, Resolved), UpdateError> {
        let cell = {
            let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(projects.entry(project.clone()).or_default())
        };
        let find = async || Ok((files(engine, project, service).await?, engine.resolve(project).await?));
        cell.get_or_try_init(find).await.cloned()
    }
}
