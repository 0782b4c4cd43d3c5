//! The copy of the data that counts: nothing writes any more.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Work, failed, step};

pub(super) struct Sync(pub(super) Arc<Work>);

#[async_trait]
impl Step for Sync {
    fn name(&self) -> &'static str {
        step::SYNC
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        self.0.take_snapshot().await.map_err(failed)?;
        // Had it been started in between, the copy would be of data in the middle of a change.
        self.0.check_stopped().await
    }
}
