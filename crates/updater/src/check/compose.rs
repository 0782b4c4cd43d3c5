//! What a container's compose files say about it.

use std::{collections::BTreeMap, sync::Mutex};

use homeport_compose_file::{File, Service, find_service, referenced_files};

use crate::inventory::{ComposePlace, Container, Inventory};

/// Files that a project may have, included ones among them; beyond, its files count as unreadable.
const MAX_FILES: usize = 64;

/// Files of compose projects, each read once in a check.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<BTreeMap<String, Option<String>>>);

impl Files {
    /// What the compose files say about a container. None: it is of no compose project, or they cannot be read.
    pub(super) async fn service(&self, inventory: &dyn Inventory, container: &Container) -> Option<Service> {
        let place = container.compose.as_ref()?;
        let files = self.compose_files(inventory, place).await?;
        let env_files = self.env_files(inventory, place).await;
        match find_service(&borrow(&files), &borrow(&env_files), &place.service, None) {
            Ok(service) => Some(service),
            Err(error) => {
                tracing::debug!(container.name = container.name, error = %error, "its compose files do not tell");
                None
            }
        }
    }

    /// All files of the project, those that others refer to before them.
    async fn compose_files(&self, inventory: &dyn Inventory, place: &ComposePlace) -> Option<Vec<(String, String)>> {
        let mut files: Vec<(String, String)> = Vec::new();
        for path in place.config_files.iter().rev() {
            let mut left = vec![(path.clone(), true)];
            while let Some((path, is_needed)) = left.pop() {
                if files.iter().any(|(known, _)| *known == path) {
                    continue;
                }
                let Some(text) = self.read(inventory, &path).await else {
                    if is_needed {
                        return None;
                    }
                    continue;
                };
                let further = referenced_files(File { path: &path, text: &text }).ok()?;
                left.extend(further.into_iter().map(|path| (path, false)));
                files.push((path, text));
                if files.len() > MAX_FILES {
                    return None;
                }
            }
        }
        files.reverse();
        (!files.is_empty()).then_some(files)
    }

    async fn env_files(&self, inventory: &dyn Inventory, place: &ComposePlace) -> Vec<(String, String)> {
        let default = [format!("{}/.env", place.working_dir.trim_end_matches('/'))];
        let paths = if place.environment_files.is_empty() { &default[..] } else { &place.environment_files };
        let mut files = Vec::new();
        for path in paths {
            files.extend(self.read(inventory, path).await.map(|text| (path.clone(), text)));
        }
        files
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

fn borrow(files: &[(String, String)]) -> Vec<File<'_>> {
    files.iter().map(|(path, text)| File { path, text }).collect()
}
