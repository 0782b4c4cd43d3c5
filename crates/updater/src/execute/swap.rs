//! The new container takes the place of the old one, which stays aside until the new one has proved itself.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Placed, Work, create::Created, failed, step};
use crate::plan::Run;

pub(super) struct Swap(pub(super) Arc<Work>);

#[async_trait]
impl Step for Swap {
    fn name(&self) -> &'static str {
        step::SWAP
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        work.check_stopped().await?;
        let Some(Created { id, differences }) = scope.data(step::CREATE)? else {
            return Err(StepError::failed("the journal does not know the new container"));
        };
        let subject = &work.plan().container;
        work.engine.rename(&subject.id, &work.names.aside).await.map_err(failed)?;
        work.engine.rename(&id, &subject.name).await.map_err(failed)?;
        scope
            .record(&Placed {
                new_container: Some(id.clone()),
                may_have_written: true,
                differences,
                is_untouched: false,
            })
            .await?;
        if subject.run == Run::Never {
            return Ok(());
        }
        work.engine.start(&id).await.map_err(failed)
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        self.0.take_away_new(scope).await
    }
}
