//! Taking away the new container, and what it may have written.

use homeport_operation::{Scope, StepError, StepState};

use super::{Placed, Work, failed, step};
use crate::plan::Way;

impl Work {
    /// Removes whatever stands in the place of the old container or was to, and brings the data back if the new version
    /// may have run. `scope` is that of the step that put it there.
    pub(super) async fn take_away_new(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let others = self.others().await.map_err(failed)?;
        let mut placed = super::placed(scope)?.unwrap_or_default();
        if !placed.may_have_written {
            let has_run = others.iter().any(|container| container.started_at.is_some());
            // Compose starts the new one only after it has removed the old one; then a start may still be under way. In
            // the other way, what cannot be looked at any more may have run.
            let may_run = match self.plan().way {
                Way::Compose { .. } => {
                    let old = self.old().await.map_err(failed)?.is_some();
                    let peers = self.present_peers().await.map_err(failed)?;
                    !old || self.plan().peers.iter().any(|peer| peers.iter().all(|present| present.id != peer.id))
                }
                Way::Replace | Way::Restart | Way::Stay | Way::Service { .. } => others.is_empty(),
            };
            if has_run || may_run {
                placed = Placed { may_have_written: true, ..placed };
                scope.record(&placed).await?;
            }
        }
        for container in &others {
            self.engine.remove(&container.id).await.map_err(failed)?;
        }
        if placed.may_have_written { self.bring_data_back(scope).await } else { Ok(()) }
    }

    /// Brings the data back to what it was when the old container had been stopped.
    pub(super) async fn bring_data_back(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        if scope.state(step::SYNC) != Some(StepState::Done) {
            return Ok(());
        }
        // The engine may have started it again after a crash, because of its restart policy.
        if let Some(old) = self.old().await.map_err(failed)?.filter(crate::engine::Container::is_up) {
            self.engine.stop(&old.id).await.map_err(failed)?;
        }
        for peer in self.present_peers().await.map_err(failed)?.iter().filter(|peer| peer.is_up()) {
            self.engine.stop(&peer.id).await.map_err(failed)?;
        }
        self.engine.restore_snapshot(&self.names.snapshot).await.map_err(failed)
    }
}
