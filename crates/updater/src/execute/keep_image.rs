//! The old image keeps a tag of its own, so that no clean-up takes it away while it may be needed.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, StepState};

use super::{Work, failed, step};

pub(super) struct KeepImage(pub(super) Arc<Work>);

#[async_trait]
impl Step for KeepImage {
    fn name(&self) -> &'static str {
        step::KEEP_IMAGE
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let names = &work.names;
        work.engine.tag(&work.plan().image.old_id, &names.kept_repository, &names.kept_tag).await.map_err(failed)
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        if scope.state(step::HOLD).is_some_and(|state| state != StepState::Undone) {
            // The old container could not be brought back. Then a person needs its image.
            return Ok(());
        }
        self.0.engine.untag(&self.0.names.kept_image()).await.map_err(failed)
    }
}
