//! The update locks of applications, which people's hands respect as well.

use homeport_service::telemetry::chain;
use serde::{Deserialize, Serialize};

use super::{super::Inner, Action, Subject};
use crate::{
    engine::Source,
    error::UpdateError,
    execute::{refusal, told},
    gather::locks,
    plan::LockPlace,
};

/// What is kept of an action until it has ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Deed {
    #[serde(flatten)]
    pub(super) action: Action,
    /// Update locks that are ours meanwhile.
    #[serde(default)]
    pub(super) locks: Vec<LockPlace>,
}

impl Inner {
    /// Takes the update locks of a container's application where an action would stop it.
    pub(super) async fn take_locks(
        &self,
        subject: &Subject,
        action: &Action,
        force: bool,
    ) -> Result<Vec<LockPlace>, UpdateError> {
        if !action.interrupts() {
            return Ok(Vec::new());
        }
        let engine = &self.parts.engine;
        let places = locks(&subject.container, &engine.containers(&[]).await?);
        if places.is_empty() {
            return Ok(places);
        }
        let by_force = force || self.parts.limits.lock_override;
        let taken = engine.take_locks(&directories(&places), by_force).await?;
        if !taken.held.is_empty() {
            return Err(UpdateError::Locked { reason: refusal(&told(&taken.held, &places)) });
        }
        let name = &subject.container.name;
        for broken in told(&taken.broken, &places) {
            tracing::warn!(container.name = name, broken, "an update lock was broken by force");
        }
        Ok(places)
    }

    /// Gives locks back. What docker-agent cannot do now is done before the next update: the files say whose they are.
    pub(super) async fn release_locks(&self, places: &[LockPlace]) {
        if places.is_empty() {
            return;
        }
        if let Err(error) = self.parts.engine.release_locks(&directories(places)).await {
            tracing::warn!(error = chain(&error), "update locks could not be given back");
        }
    }
}

impl Action {
    /// Whether the application ends by it, be it for a moment. A signal is between the application and whoever sends it.
    const fn interrupts(&self) -> bool {
        matches!(self, Self::Stop { .. } | Self::Restart { .. } | Self::Remove { .. })
    }
}

fn directories(places: &[LockPlace]) -> Vec<Source> {
    places.iter().map(|place| place.directory.clone()).collect()
}
