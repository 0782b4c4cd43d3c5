//! Which containers Homeport consists of, and which files say their version.

use std::collections::{BTreeMap, BTreeSet};

use homeport_compose_file::Sources;

use crate::{
    engine::{Container, Engine, Project},
    error::UpdateError,
    gather,
    inventory::ComposePlace,
    plan::{PlanError, dependencies_first},
};

/// Label of Homeport's own containers.
pub(super) const ROLE_LABEL: &str = "homeport.role";

/// What was found out about Homeport itself.
#[derive(Debug, Clone)]
pub struct OwnFacts {
    /// Its containers, in the order in which they start.
    pub containers: Vec<Container>,
    /// Id of the one that docker-agent runs in.
    pub agent: String,
    /// Its compose project, if it is one.
    pub project: Option<Project>,
    /// The files of the project, once they were needed.
    pub files: Option<Sources>,
}

/// Finds the containers that Homeport consists of: the one that docker-agent runs in, and those of the same project that
/// say so. Others in that project are somebody else's.
pub async fn gather_own(engine: &dyn Engine) -> Result<OwnFacts, UpdateError> {
    let not_contained = || UpdateError::Plan(PlanError::NotContained);
    let agent = engine.own_container().await?.ok_or_else(not_contained)?;
    let all = engine.containers(&[]).await?;
    let own = all.iter().find(|container| container.id == agent).ok_or_else(not_contained)?;
    let project = |container: &Container| ComposePlace::of_labels(&container.labels).map(|place| place.project);
    let name = project(own);
    let is_part = |container: &&Container| {
        container.id == agent || (container.label(ROLE_LABEL).is_some() && project(container) == name)
    };
    let containers = in_order(all.iter().filter(is_part).cloned().collect());
    let project = ComposePlace::of_labels(&own.labels).filter(|place| !place.config_files.is_empty()).map(|place| {
        let ComposePlace { project, config_files, working_dir, environment_files, .. } = place;
        Project { name: project, config_files, working_dir, environment_files }
    });
    Ok(OwnFacts { containers, agent, project, files: None })
}

impl OwnFacts {
    /// Reads the files that say the images.
    pub async fn read_files(&mut self, engine: &dyn Engine) -> Result<(), UpdateError> {
        if let Some(project) = &self.project {
            let service = self.containers.first().map(service_of).unwrap_or_default();
            self.files = Some(gather::files(engine, project, &service).await?);
        }
        Ok(())
    }
}

/// The compose service of a container.
pub(super) fn service_of(container: &Container) -> String {
    ComposePlace::of_labels(&container.labels).map(|place| place.service).unwrap_or_default()
}

/// Those first that others wait for.
fn in_order(containers: Vec<Container>) -> Vec<Container> {
    let names: BTreeMap<String, String> =
        containers.iter().map(|container| (service_of(container), container.name.clone())).collect();
    let items: Vec<(String, BTreeSet<String>)> = containers
        .iter()
        .map(|container| {
            let needs = ComposePlace::of_labels(&container.labels).map(|place| place.depends_on).unwrap_or_default();
            (container.name.clone(), needs.iter().filter_map(|service| names.get(service).cloned()).collect())
        })
        .collect();
    let mut by_name: BTreeMap<String, Container> =
        containers.into_iter().map(|container| (container.name.clone(), container)).collect();
    dependencies_first(&items).iter().filter_map(|name| by_name.remove(name)).collect()
}
