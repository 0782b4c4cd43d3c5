//! While Homeport does not serve: the old version stops, what it remembers is copied, the new version takes its place.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, StepState};

use super::{Work, failed, is_done, prove::prove_one, step};
use crate::plan::Run;

/// The old containers do not run; as an undo, they do.
pub(super) struct Stop(pub(super) Arc<Work>);

/// What they remember is copied.
pub(super) struct Copy(pub(super) Arc<Work>);

/// The new containers take the names and run.
pub(super) struct Swap(pub(super) Arc<Work>);

/// After success: the old containers go, and what is not needed any more.
pub(super) struct Tidy(pub(super) Arc<Work>);

#[async_trait]
impl Step for Stop {
    fn name(&self) -> &'static str {
        step::STOP
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        // Those first that call the others.
        for part in self.0.lasting().rev() {
            self.0.engine.stop(&part.container.id).await.map_err(failed)?;
        }
        self.0.check_stopped().await
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        self.0.start_old(scope, !is_done(scope, step::STOP)).await
    }
}

#[async_trait]
impl Step for Copy {
    fn name(&self) -> &'static str {
        step::COPY
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let job = &self.0.job;
        if job.data.is_empty() {
            return Ok(());
        }
        let labels = [("homeport.operation", job.id.as_str()), ("homeport.container", "homeport")];
        self.0.engine.take_snapshot(&job.id, &job.data, &labels).await.map_err(failed)?;
        // Had one been started in between, the copy would be of data in the middle of a change.
        self.0.check_stopped().await
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        if is_copy_needed(scope) {
            // It is all that is left of the state before; a person needs it.
            return Ok(());
        }
        self.0.engine.delete_snapshot(&self.0.job.id).await.map_err(failed)
    }
}

/// Whether data that the new version may have changed has not been brought back.
pub(super) fn is_copy_needed(scope: &Scope<'_>) -> bool {
    scope.state(step::SWAP).is_some_and(|state| state != StepState::Undone)
}

#[async_trait]
impl Step for Swap {
    fn name(&self) -> &'static str {
        step::SWAP
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        work.check_stopped().await?;
        for part in &work.job.parts {
            let names = work.names(part);
            let new = work.engine.container(&names.replacement).await.map_err(failed)?;
            let new = new.ok_or_else(|| StepError::failed(format!("container {} is gone", names.replacement)))?;
            work.engine.rename(&part.container.id, &names.aside).await.map_err(failed)?;
            work.engine.rename(&new.id, &part.container.name).await.map_err(failed)?;
        }
        for part in work.job.parts.iter().filter(|part| part.container.run != Run::Never) {
            work.engine.start(&part.container.name).await.map_err(failed)?;
            if part.container.run == Run::Job {
                // The others wait for it to have ended well.
                prove_one(work, part).await?;
            }
        }
        Ok(())
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for container in work.made().await? {
            work.engine.remove(&container.id).await.map_err(failed)?;
        }
        for part in work.job.parts.iter().rev() {
            // The engine may have started it again after a crash, because of its restart policy.
            work.engine.stop(&work.old(part).await?.id).await.map_err(failed)?;
        }
        // Before the data: where that fails, whoever has to look finds them under their names.
        for part in &work.job.parts {
            work.engine.rename(&part.container.id, &part.container.name).await.map_err(failed)?;
        }
        if is_done(scope, step::COPY) && !work.job.data.is_empty() {
            work.engine.restore_snapshot(&work.job.id).await.map_err(failed)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Tidy {
    fn name(&self) -> &'static str {
        step::TIDY
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for part in &work.job.parts {
            work.engine.remove(&part.container.id).await.map_err(failed)?;
        }
        // They ran when they had proved themselves; the engine may have died since.
        for part in work.lasting() {
            if work.engine.container(&part.container.name).await.map_err(failed)?.is_some_and(|new| !new.is_up()) {
                work.engine.start(&part.container.name).await.map_err(failed)?;
            }
        }
        work.engine.delete_snapshot(&work.job.id).await.map_err(failed)?;
        for image in &work.job.obsolete {
            work.engine.untag(image).await.map_err(failed)?;
        }
        Ok(())
    }
}
