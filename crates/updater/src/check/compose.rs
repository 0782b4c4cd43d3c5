//! What a container's compose files say about it.

use std::{collections::BTreeMap, sync::Mutex};

use homeport_compose_file::{Service, Sources, find_service};

use crate::inventory::{ComposePlace, Container, Inventory};

/// Files of compose projects, each read once in a check.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<BTreeMap<String, Option<String>>>);

impl Files {
    /// What the compose files say about a container. None: it is of no compose project, or they cannot be read.
    pub(super) async fn service(&self, inventory: &dyn Inventory, container: &Container) -> Option<Service> {
        let place = container.compose.as_ref()?;
        let sources = self.sources(inventory, place).await?;
        match find_service(&sources, &place.service, Some(&container.name)) {
            Ok(service) => Some(service),
            Err(error) => {
                tracing::debug!(container.name = container.name, error = %error, "its compose files do not tell");
                None
            }
        }
    }

    /// All files of the project. None: one that compose was called with cannot be read.
    async fn sources(&self, inventory: &dyn Inventory, place: &ComposePlace) -> Option<Sources> {
        let mut sources = Sources {
            config_files: place.config_files.clone(),
            directory: place.working_dir.clone(),
            env_files: place.environment_files.clone(),
            texts: BTreeMap::new(),
        };
        loop {
            let missing = sources.missing().ok()?;
            if missing.is_empty() {
                return (!sources.config_files.is_empty()).then_some(sources);
            }
            for path in missing {
                let text = self.read(inventory, &path).await;
                if text.is_none() && sources.config_files.contains(&path) {
                    return None;
                }
                sources.texts.insert(path, text);
            }
        }
    }

    async fn read(&self, inventory: &dyn Inventory, path: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(path).cloned();
        if let Some(known) = known {
            return known;
        }
        let text = inventory.read_file(path).await.unwrap_or_else(|error| {
            tracing::debug!(file.path = path, error = %error, "a compose file cannot be read");
            None
        });
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path.to_owned(), text.clone());
        text
    }
}
