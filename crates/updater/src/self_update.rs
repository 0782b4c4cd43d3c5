//! Homeport's own update: all of its containers at once, with the same undo as any other.
//!
//! The updater decides and fetches ([`plan`]), and hands a [`SelfJob`] to docker-agent, which starts a container beside the
//! stack. That one walks the [`workflow`] with a docker-agent and a journal of its own, so it survives its own death, that of
//! every container it replaces, and that of the engine. Whichever updater runs afterwards reads the [`SelfResult`].

mod gather;
mod job;
mod plan;
mod prove;
mod run;
mod show;
mod stage;
mod swap;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use homeport_operation::{Scope, Step, StepError, Workflow};

use crate::{
    engine::{Container, Engine, EngineError, EngineErrorKind},
    execute::OPERATION_LABEL,
    plan::{Names, Run},
};

pub use gather::{OwnFacts, gather_own};
pub use job::{Part, SelfJob, SelfOutcome, SelfResult};
pub use plan::plan_self_update;
pub(crate) use plan::{needs_files, repository};
pub use run::run;
pub use show::SelfPlan;

/// Names of the steps in the journal of the container beside the stack.
pub mod step {
    /// The containers and files are as they were planned for; as an undo: the old version serves.
    pub const VALIDATE: &str = "validate";
    /// The old images have tags of their own.
    pub const KEEP_IMAGES: &str = "keep_images";
    /// The tags point at the new images.
    pub const TAG: &str = "tag";
    /// The new containers are there, not started.
    pub const CREATE: &str = "create";
    /// The files say the new images.
    pub const EDIT: &str = "edit";
    /// The old containers do not run.
    pub const STOP: &str = "stop";
    /// What they remember is copied.
    pub const COPY: &str = "copy";
    /// The new containers have the old ones' names, and run.
    pub const SWAP: &str = "swap";
    /// The new version serves.
    pub const HEALTH: &str = "health";
    /// Nothing that is not needed any more is left.
    pub const TIDY: &str = "tidy";
}

/// What all steps work on.
struct Work {
    engine: Arc<dyn Engine>,
    /// The docker-agent of the stack, old or new, at its own socket.
    agent: Arc<dyn Engine>,
    job: SelfJob,
}

/// The steps, in order. `agent` is the docker-agent of the stack, `engine` the one that the steps work with.
pub fn workflow(engine: Arc<dyn Engine>, agent: Arc<dyn Engine>, job: SelfJob) -> Workflow {
    let work = Arc::new(Work { engine, agent, job });
    let undoable: Vec<Box<dyn Step>> = vec![
        Box::new(stage::Validate(Arc::clone(&work))),
        Box::new(stage::KeepImages(Arc::clone(&work))),
        Box::new(stage::Tag(Arc::clone(&work))),
        Box::new(stage::Create(Arc::clone(&work))),
        Box::new(stage::Edit(Arc::clone(&work))),
        Box::new(swap::Stop(Arc::clone(&work))),
        Box::new(swap::Copy(Arc::clone(&work))),
        Box::new(swap::Swap(Arc::clone(&work))),
        Box::new(prove::Prove(Arc::clone(&work))),
    ];
    Workflow::new(undoable, vec![Box::new(swap::Tidy(work))])
}

impl Work {
    fn names(&self, part: &Part) -> Names {
        Names::new(&part.container, &self.job.id)
    }

    /// The old container of a part, which must be there.
    async fn old(&self, part: &Part) -> Result<Container, StepError> {
        self.engine.container(&part.container.id).await.map_err(failed)?.ok_or_else(|| {
            StepError::failed(format!("container {} was removed by someone in the meantime", part.container.name))
        })
    }

    /// Everything that this operation made.
    async fn made(&self) -> Result<Vec<Container>, StepError> {
        self.engine.containers(&[(OPERATION_LABEL, &self.job.id)]).await.map_err(failed)
    }

    /// Parts that are to stay up, in the order in which they start.
    fn lasting(&self) -> impl DoubleEndedIterator<Item = &Part> {
        self.job.parts.iter().filter(|part| part.container.run == Run::Always)
    }

    /// No old container that is to stay up runs.
    async fn check_stopped(&self) -> Result<(), StepError> {
        for part in self.lasting() {
            if self.old(part).await?.is_up() {
                return Err(StepError::failed(format!(
                    "container {} was started again by someone",
                    part.container.name
                )));
            }
        }
        Ok(())
    }

    /// Starts every old container that is to run, unless what they remember is not what it was when they stopped.
    /// `may_be_stopping`: the engine may still be carrying out a stop.
    async fn start_old(&self, scope: &Scope<'_>, may_be_stopping: bool) -> Result<(), StepError> {
        if !self.job.data.is_empty() && swap::is_copy_needed(scope) {
            return Err(StepError::failed(format!(
                "the data of Homeport could not be brought back, so its old version is not started on it; its copy is the \
                 snapshot {}, if that is still there",
                self.job.id
            )));
        }
        for part in self.lasting() {
            let old = self.old(part).await?;
            if may_be_stopping && old.is_up() {
                self.engine.stop(&old.id).await.map_err(failed)?;
                self.engine.start(&old.id).await.map_err(failed)?;
            } else if !old.is_up() {
                self.engine.start(&old.id).await.map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// A failure of the engine as a failure of a step.
fn failed(error: EngineError) -> StepError {
    if error.kind == EngineErrorKind::Away { StepError::away(error) } else { StepError::failed(error) }
}

fn is_done(scope: &Scope<'_>, step: &str) -> bool {
    scope.state(step) == Some(homeport_operation::StepState::Done)
}
