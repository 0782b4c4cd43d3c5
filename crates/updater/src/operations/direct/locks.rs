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
    /// Where a container's application has its update locks, if an action would stop it.
    pub(super) async fn lock_places(&self, subject: &Subject, action: &Action) -> Result<Vec<LockPlace>, UpdateError> {
        if !action.interrupts() {
            return Ok(Vec::new());
        }
        Ok(locks(&subject.container, &[], &self.parts.engine.containers(&[]).await?))
    }

    /// Takes the update locks at these places.
    pub(super) async fn take_locks(
        &self,
        subject: &Subject,
        places: &[LockPlace],
        force: bool,
    ) -> Result<(), UpdateError> {
        if places.is_empty() {
            return Ok(());
        }
        let by_force = force || self.parts.limits.lock_override;
        let taken = self.parts.engine.take_locks(&directories(places), by_force).await?;
        if !taken.held.is_empty() {
            return Err(UpdateError::Locked { reason: refusal(&told(&taken.held, places)) });
        }
        let name = &subject.container.name;
        for broken in told(&taken.broken, places) {
            tracing::warn!(container.name = name, broken, "an update lock was broken by force");
        }
        Ok(())
    }

    /// Gives locks back. What docker-agent cannot do now is done before the next update: the files say whose they are.
    pub(in crate::operations) async fn release_locks(&self, places: &[LockPlace]) {
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
