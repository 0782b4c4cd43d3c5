//! What the last check found.

use std::sync::Arc;

use jiff::Timestamp;

use super::CheckedContainer;
use crate::inventory::Container;

/// What the last check found. Empty before the first one has ended.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Ordered by name.
    pub containers: Vec<Arc<CheckedContainer>>,
    /// Names, dependencies first. Empty when they form a circle.
    pub update_order: Vec<String>,
    /// When the last check ended. None: none has yet.
    pub last_run_at: Option<Timestamp>,
    /// When the last check ended that was told something by a registry rather than by its memory; also before a restart.
    pub last_refresh_at: Option<Timestamp>,
    /// When the next check begins.
    pub next_run_at: Option<Timestamp>,
    /// Why the last check could not list the containers. The rest is then of the check before.
    pub error: Option<String>,
}

impl Snapshot {
    /// When the result for a container was found out. None: there is none, or a failure that may pass.
    pub(super) fn known_since(&self, container: &Container) -> Option<Timestamp> {
        let known = self.container(&container.name).filter(|known| known.container_id == container.id);
        known.filter(|known| !known.is_error_temporary).map(|known| known.checked_at)
    }

    /// A container by its name.
    pub fn container(&self, name: &str) -> Option<&Arc<CheckedContainer>> {
        self.containers.iter().find(|container| container.container_name == name)
    }
}
