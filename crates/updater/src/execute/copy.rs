//! A first copy of the data while the container runs, so that the one that counts takes little time.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, StepState};

use super::{OPERATION_LABEL, Work, failed, step};
use crate::engine::EngineError;

pub(super) struct Copy(pub(super) Arc<Work>);

#[async_trait]
impl Step for Copy {
    fn name(&self) -> &'static str {
        step::COPY
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        self.0.take_snapshot().await.map_err(failed)
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        if is_needed(scope) {
            // Bringing the data back failed for good. The copy is all that is left of it.
            return Ok(());
        }
        self.0.engine.delete_snapshot(&self.0.names.snapshot).await.map_err(failed)
    }
}

/// Whether data that the new version may have changed has not been brought back.
pub(super) fn is_needed(scope: &Scope<'_>) -> bool {
    [step::RESTORE, step::RECREATE, step::SWAP]
        .iter()
        .any(|step| scope.state(step).is_some_and(|state| state != StepState::Undone))
}

impl Work {
    /// Brings the snapshot to the present contents.
    pub(super) async fn take_snapshot(&self) -> Result<(), EngineError> {
        let labels = [(OPERATION_LABEL, self.id.as_str()), ("homeport.container", &self.plan().container.name)];
        self.engine.take_snapshot(&self.names.snapshot, &self.plan().data, &labels).await
    }
}
