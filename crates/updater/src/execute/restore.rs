//! The data of before an update, when that is rolled back.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Work, failed, step};

pub(super) struct Restore(pub(super) Arc<Work>);

#[async_trait]
impl Step for Restore {
    fn name(&self) -> &'static str {
        step::RESTORE
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        match &self.0.plan().restore {
            Some(snapshot) => self.0.engine.restore_snapshot(snapshot).await.map_err(failed),
            None => Ok(()),
        }
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        self.0.bring_data_back(scope).await
    }
}
