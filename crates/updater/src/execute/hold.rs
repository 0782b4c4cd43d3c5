//! The old container. Going forward nothing is done to it here; going back, it runs again when this is done.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, StepState};
use homeport_service::telemetry::chain;

use super::{OPERATION_LABEL, Placed, Work, failed, is_touched, step, validate::Seen};
use crate::{
    engine::{Container, EngineErrorKind, Pull},
    operations::Action,
    plan::{Run, Way, same_reference},
};

pub(super) struct Hold(pub(super) Arc<Work>);

#[async_trait]
impl Step for Hold {
    fn name(&self) -> &'static str {
        step::HOLD
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        Ok(())
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let container = match work.old().await.map_err(failed)? {
            Some(old) => old,
            None if !is_touched(scope) => {
                // Whoever removed it, nothing had been done to it; then it is not for this operation to bring it back.
                tracing::warn!(
                    container.name = work.plan().container.name,
                    "the container was removed by someone else"
                );
                return Ok(());
            }
            None => work.made_again().await?,
        };
        let name = &work.plan().container.name;
        if container.name != *name {
            work.engine.rename(&container.id, name).await.map_err(failed)?;
        }
        if work.plan().has_data() && super::copy::is_needed(scope) {
            let snapshot = &work.names.snapshot;
            return Err(StepError::failed(format!(
                "the data of {name} could not be brought back, so its old version is not started on it; its copy is the \
                 snapshot {snapshot}, if that is still there"
            )));
        }
        if work.plan().container.run != Run::Always {
            // It did not run, or had ended its work.
            return Ok(());
        }
        if work.plan().way == Way::Restart {
            // Of one that was started with --rm a stop would be the end.
            if may_be_stopping(scope, &container)? {
                work.engine.act(&container.id, &Action::Restart { timeout: None }).await.map_err(failed)?;
            } else if !container.is_up() {
                work.start_old(&container.id).await?;
            }
        } else if may_be_stopping(scope, &container)? {
            // Waits for the stop that is under way, if there is one.
            work.engine.stop(&container.id).await.map_err(failed)?;
            work.start_old(&container.id).await?;
        } else if !container.is_up() {
            work.start_old(&container.id).await?;
        }
        Ok(())
    }
}

impl Work {
    /// Starts the old container. One that the engine has lost track of is made again.
    async fn start_old(&self, id: &str) -> Result<(), StepError> {
        match self.engine.start(id).await {
            Err(error) if error.kind == EngineErrorKind::Lost => {
                let name = &self.plan().container.name;
                tracing::warn!(
                    container.name = name,
                    error = chain(&error),
                    "it cannot be started, so it is made again"
                );
                self.engine.remove(id).await.map_err(failed)?;
                let again = self.made_again().await?;
                if again.name != *name {
                    self.engine.rename(&again.id, name).await.map_err(failed)?;
                }
                self.engine.start(&again.id).await.map_err(failed)
            }
            started => started.map_err(failed),
        }
    }

    /// The old container, made again from its inspect document, by this attempt or one before.
    async fn made_again(&self) -> Result<Container, StepError> {
        let (subject, image) = (&self.plan().container, &self.plan().image);
        if let Some(present) = self.engine.container(&subject.name).await.map_err(failed)?
            && present.label(OPERATION_LABEL) == Some(&self.id)
            && present.image_id == image.old_id
        {
            return Ok(present);
        }
        let reference = self.old_image().await?;
        let (id, differences) = self
            .engine
            .create_replacement(&self.saved().inspect_json, &reference, &self.names.replacement, &self.id)
            .await
            .map_err(failed)?;
        if !differences.is_empty() {
            tracing::warn!(
                container.name = subject.name,
                differences = super::describe(&differences).join("; "),
                "the old container cannot be made again exactly as it was"
            );
        }
        self.engine.container(&id).await.map_err(failed)?.ok_or_else(|| {
            StepError::failed(format!("container {} is gone as soon as it was made again", subject.name))
        })
    }

    /// A reference by which the old image is here: the one that the container was made from, if it still is that image.
    pub(super) async fn old_image(&self) -> Result<String, StepError> {
        let image = &self.plan().image;
        for candidate in [&image.old_reference, &image.old_id, &self.names.kept_image()] {
            if self.engine.image(candidate).await.map_err(failed)?.is_some_and(|found| found.id == image.old_id) {
                return Ok(candidate.clone());
            }
        }
        for digest in &image.old_digests {
            let Some((repository, digest)) = digest.split_once('@') else { continue };
            let pull = Pull { repository: repository.to_owned(), digest: digest.to_owned() };
            let found = self.engine.pull(&pull, &|_, _| {}).await.map_err(failed)?;
            if found.id == image.old_id {
                return Ok(found.id);
            }
        }
        let what = &image.old_reference;
        Err(StepError::failed(format!("the old image {what} ({}) is neither here nor in a registry", image.old_id)))
    }

    /// Whether a reference of this operation means the old image's own tag.
    pub(super) fn is_same_tag(&self) -> bool {
        same_reference(&self.plan().image.old_reference, &self.plan().image.new_reference)
    }
}

/// Whether the engine may still be stopping a container that looks as if it ran: it goes on with a stop whose
/// caller has died.
fn may_be_stopping(scope: &Scope<'_>, container: &Container) -> Result<bool, StepError> {
    let is_unsure = |name| scope.state(name).is_some_and(|state| state != StepState::Done);
    let refused = scope.data::<Placed>(step::RECREATE)?.is_some_and(|placed| placed.is_untouched);
    let was_asked =
        (scope.state(step::RECREATE).is_some() && !refused) || is_unsure(step::STOP) || is_unsure(step::RESTART);
    let seen: Option<Seen> = scope.data(step::VALIDATE)?;
    Ok(was_asked && container.is_up() && seen.is_some_and(|seen| seen.started_at == container.started_at))
}
