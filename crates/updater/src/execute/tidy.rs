//! After success: the old container goes, and so does what operations before had kept.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Work, failed, health::is_unproved, placed, step};
use crate::plan::{Kept, Kind, Run, Way};

pub(super) struct Tidy(pub(super) Arc<Work>);

#[async_trait]
impl Step for Tidy {
    fn name(&self) -> &'static str {
        step::TIDY
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        if work.plan().way == Way::Replace {
            work.engine.remove(&work.plan().container.id).await.map_err(failed)?;
        }
        work.keep_running(scope).await?;
        for kept in &work.plan().obsolete {
            work.forget(kept).await?;
        }
        // A way back from a way back is an update again, and what changed no version has none: nothing is kept for them.
        if !matches!(work.plan().kind, Kind::Update | Kind::Mismatch) {
            work.forget(&work.names.kept()).await?;
        }
        Ok(())
    }
}

impl Work {
    /// It ran before, so it runs afterwards, also when the engine has died since it proved itself.
    async fn keep_running(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        if self.plan().container.run != Run::Always || is_unproved(scope)? {
            return Ok(());
        }
        for peer in self.present_peers().await.map_err(failed)?.iter().filter(|peer| !peer.is_up()) {
            self.engine.start(&peer.id).await.map_err(failed)?;
        }
        let Some(id) = placed(scope)?.and_then(|placed| placed.new_container) else { return Ok(()) };
        match self.engine.container(&id).await.map_err(failed)? {
            Some(new) if !new.is_up() => self.engine.start(&id).await.map_err(failed),
            _ => Ok(()),
        }
    }

    async fn forget(&self, kept: &Kept) -> Result<(), StepError> {
        self.engine.delete_snapshot(&kept.snapshot).await.map_err(failed)?;
        self.engine.untag(&kept.image).await.map_err(failed)
    }
}
