//! Carrying out a plan. No choices are made here: a step does what the plan says, its undo brings back what was.
//!
//! Every undo converges: it looks at what is there, whatever a crash left behind, and changes only what is not as it
//! was before. A container that was never touched is not restarted.

mod after;
mod copy;
mod create;
mod edit;
mod followers;
mod forced;
mod health;
mod hold;
mod keep_image;
mod lock;
mod new;
mod peers;
mod pull;
mod recreate;
mod rehearse;
mod restart;
mod restore;
mod script;
mod service;
mod stage;
mod stop;
mod swap;
mod sync;
#[cfg(test)]
mod tests;
mod tidy;
mod validate;

use std::{sync::Arc, time::Duration};

use homeport_operation::{Scope, Step, StepError, Workflow};
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Container, Engine, EngineError, EngineErrorKind},
    error::UpdateError,
    gather,
    plan::{Job, Names, Plan, Saved, Way},
    script::Scripts,
};

pub use followers::Followed;
pub use forced::Forced;
pub use health::Unproved;
pub use lock::Locked;
pub(crate) use lock::{refusal, told};
pub use rehearse::Rehearsed;
pub use restart::Settled;
pub use script::Refused;
pub(crate) use script::occasion_of;
pub use stage::{Stage, stage_of};

/// Names of the steps in the journal.
pub mod step {
    /// The container and its files are as they were planned for; as an undo: everything is as it was.
    pub const VALIDATE: &str = "validate";
    /// The script has agreed.
    pub const SCRIPT: &str = "script";
    /// The scripts of all that would follow have agreed.
    pub const ASK_FOLLOWERS: &str = "ask_followers";
    /// The old image has a tag of its own.
    pub const KEEP_IMAGE: &str = "keep_image";
    /// As an undo: the old container runs.
    pub const HOLD: &str = "hold";
    /// The new image is here and has its tag.
    pub const PULL: &str = "pull";
    /// The new container is there, not started.
    pub const CREATE: &str = "create";
    /// The application holds no update lock; they are ours.
    pub const LOCK: &str = "lock";
    /// The data is copied while the container runs.
    pub const COPY: &str = "copy";
    /// The new version has shown itself on a copy of the data.
    pub const REHEARSE: &str = "rehearse";
    /// The files say the new image.
    pub const EDIT: &str = "edit";
    /// The old container does not run.
    pub const STOP: &str = "stop";
    /// The copy is up to date.
    pub const SYNC: &str = "sync";
    /// The data of before is back.
    pub const RESTORE: &str = "restore";
    /// Compose has put the new container in place of the old one.
    pub const RECREATE: &str = "recreate";
    /// The new container has the old one's name, and runs.
    pub const SWAP: &str = "swap";
    /// The container was restarted.
    pub const RESTART: &str = "restart";
    /// It is healthy again, or it was noted that it is not.
    pub const SETTLE: &str = "settle";
    /// The new container has proved itself.
    pub const HEALTH: &str = "health";
    /// As an undo: the other containers of the service run.
    pub const HOLD_PEERS: &str = "hold_peers";
    /// As an undo: containers that depend on the old one follow it.
    pub const REJOIN: &str = "rejoin";
    /// Containers that depend on it follow the new container.
    pub const FOLLOW: &str = "follow";
    /// The update locks are the application's again.
    pub const UNLOCK: &str = "unlock";
    /// What was asked for after success is done.
    pub const AFTER: &str = "after";
    /// Nothing that is not needed any more is left.
    pub const TIDY: &str = "tidy";

    /// All steps with an undo but the first, whose undo proves that the others have worked.
    pub const UNDOABLE: [&str; 19] = [
        REJOIN, HOLD_PEERS, FOLLOW, KEEP_IMAGE, HOLD, PULL, CREATE, COPY, REHEARSE, LOCK, EDIT, STOP, SYNC, RESTORE,
        RECREATE, SWAP, RESTART, SETTLE, HEALTH,
    ];
}

/// What steps use besides the engine.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Scripts that are asked.
    pub scripts: Scripts,
    /// Force that is asked for on the way.
    pub forced: Arc<Forced>,
    /// Update locks are broken whoever asks.
    pub lock_override: bool,
    /// Before an image that could not be fetched is asked for again. Doubled for the third time.
    pub pull_pause: Duration,
}

/// What all steps of an operation work on.
pub struct Work {
    engine: Arc<dyn Engine>,
    tools: Tools,
    job: Job,
    names: Names,
    id: String,
}

impl Work {
    /// The work of an operation with this id.
    pub fn new(engine: Arc<dyn Engine>, tools: Tools, job: Job, id: &str) -> Self {
        let names = Names::new(&job.plan.container, id);
        Self { engine, tools, job, names, id: id.to_owned() }
    }

    fn plan(&self) -> &Plan {
        &self.job.plan
    }

    fn saved(&self) -> &Saved {
        &self.job.saved
    }

    /// The old container, if it is still there.
    async fn old(&self) -> Result<Option<Container>, EngineError> {
        self.engine.container(&self.plan().container.id).await
    }

    /// The old container, which must be there.
    async fn old_or_gone(&self) -> Result<Container, StepError> {
        self.old().await.map_err(failed)?.ok_or_else(|| {
            StepError::failed(format!(
                "container {} was removed by someone in the meantime",
                self.plan().container.name
            ))
        })
    }

    /// Every container that stands in the place of the old one or is to: those of its service, and those that this
    /// operation made. The old one is among them.
    async fn candidates(&self) -> Result<Vec<Container>, EngineError> {
        let mut found = self.engine.containers(&[(OPERATION_LABEL, &self.id)]).await?;
        if let Way::Compose { project, service, .. } = &self.plan().way {
            for container in gather::of_service(self.engine.as_ref(), &project.name, service).await? {
                if found.iter().all(|known| known.id != container.id) {
                    found.push(container);
                }
            }
        }
        Ok(found)
    }

    /// The candidates without the old ones.
    async fn others(&self) -> Result<Vec<Container>, EngineError> {
        let mut found = self.candidates().await?;
        found.retain(|container| container.id != self.plan().container.id && !self.is_old_peer(container));
        Ok(found)
    }
}

/// Label that docker-agent puts on replacements, with the operation's id.
pub const OPERATION_LABEL: &str = "homeport.operation";

/// The steps of a plan, in order.
pub fn workflow(work: Work) -> Workflow {
    let work = Arc::new(work);
    match work.plan().way {
        Way::Restart => restarting(work),
        Way::Stay => editing(work),
        Way::Service { .. } => service::workflow(work),
        Way::Compose { .. } | Way::Replace => recreating(work),
    }
}

/// Only files change.
fn editing(work: Arc<Work>) -> Workflow {
    let mut steps: Vec<Box<dyn Step>> = vec![Box::new(validate::Validate(Arc::clone(&work)))];
    if work.plan().script.is_some() {
        steps.push(Box::new(script::Ask(Arc::clone(&work))));
    }
    steps.push(Box::new(edit::Edit(work)));
    Workflow::new(steps, Vec::new())
}

/// The container stays the same one.
fn restarting(work: Arc<Work>) -> Workflow {
    let mut steps: Vec<Box<dyn Step>> = vec![Box::new(validate::Validate(Arc::clone(&work)))];
    if work.plan().script.is_some() {
        steps.push(Box::new(script::Ask(Arc::clone(&work))));
    }
    if work.plan().followers.iter().any(|follower| follower.script.is_some()) {
        steps.push(Box::new(script::AskFollowers(Arc::clone(&work))));
    }
    if !work.plan().followers.is_empty() {
        steps.push(Box::new(followers::Rejoin(Arc::clone(&work))));
    }
    steps.push(Box::new(hold::Hold(Arc::clone(&work))));
    let mut finishing: Vec<Box<dyn Step>> = Vec::new();
    if !work.plan().locks.is_empty() {
        steps.push(Box::new(lock::Lock(Arc::clone(&work))));
        finishing.push(Box::new(lock::Unlock(Arc::clone(&work))));
    }
    steps.push(Box::new(restart::Restart(Arc::clone(&work))));
    steps.push(Box::new(restart::Settle(Arc::clone(&work))));
    if !work.plan().followers.is_empty() {
        steps.push(Box::new(followers::Follow(work)));
    }
    Workflow::new(steps, finishing)
}

/// A new container stands in the place of the old one.
fn recreating(work: Arc<Work>) -> Workflow {
    let has_data = work.plan().has_data();
    let is_compose = matches!(work.plan().way, Way::Compose { .. });
    let mut steps: Vec<Box<dyn Step>> = vec![Box::new(validate::Validate(Arc::clone(&work)))];
    if work.plan().script.is_some() {
        steps.push(Box::new(script::Ask(Arc::clone(&work))));
    }
    steps.push(Box::new(keep_image::KeepImage(Arc::clone(&work))));
    if !work.plan().followers.is_empty() {
        steps.push(Box::new(followers::Rejoin(Arc::clone(&work))));
    }
    if !work.plan().peers.is_empty() {
        steps.push(Box::new(peers::HoldPeers(Arc::clone(&work))));
    }
    steps.extend([Box::new(hold::Hold(Arc::clone(&work))) as Box<dyn Step>, Box::new(pull::Pull(Arc::clone(&work)))]);
    if !is_compose {
        steps.push(Box::new(create::Create(Arc::clone(&work))));
    }
    if has_data {
        steps.push(Box::new(copy::Copy(Arc::clone(&work))));
    }
    if work.plan().rehearse {
        steps.push(Box::new(rehearse::Rehearse(Arc::clone(&work))));
    }
    if !work.plan().locks.is_empty() {
        steps.push(Box::new(lock::Lock(Arc::clone(&work))));
    }
    if is_compose {
        steps.push(Box::new(edit::Edit(Arc::clone(&work))));
    }
    if has_data || !is_compose {
        steps.push(Box::new(stop::Stop(Arc::clone(&work))));
    }
    if has_data {
        steps.push(Box::new(sync::Sync(Arc::clone(&work))));
    }
    if work.plan().restore.is_some() {
        steps.push(Box::new(restore::Restore(Arc::clone(&work))));
    }
    if is_compose {
        steps.push(Box::new(recreate::Recreate(Arc::clone(&work))));
    } else {
        steps.push(Box::new(swap::Swap(Arc::clone(&work))));
    }
    steps.push(Box::new(health::Prove(Arc::clone(&work))));
    if !work.plan().followers.is_empty() {
        steps.push(Box::new(followers::Follow(Arc::clone(&work))));
    }
    let mut finishing: Vec<Box<dyn Step>> = Vec::new();
    if !work.plan().locks.is_empty() {
        finishing.push(Box::new(lock::Unlock(Arc::clone(&work))));
    }
    if work.plan().after.is_some() {
        finishing.push(Box::new(after::Act(Arc::clone(&work))));
    }
    finishing.push(Box::new(tidy::Tidy(work)));
    Workflow::new(steps, finishing)
}

/// What the step that put the new container in place found out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Placed {
    /// Id of the new container.
    pub new_container: Option<String>,
    /// The new version has run, so what it may have written goes with it.
    pub may_have_written: bool,
    /// Differences that were let pass, or for which nothing was done.
    pub differences: Vec<String>,
    /// It was refused before anything was done to the old container.
    #[serde(default)]
    pub is_untouched: bool,
}

/// What the step that put the new container in place recorded, by whichever way it was.
fn placed(scope: &Scope<'_>) -> Result<Option<Placed>, StepError> {
    for name in [step::RECREATE, step::SWAP] {
        if scope.state(name).is_some() {
            return Ok(Some(scope.data(name)?.unwrap_or_default()));
        }
    }
    Ok(None)
}

/// Whether anything was done to the old container.
fn is_touched(scope: &Scope<'_>) -> bool {
    [step::STOP, step::RECREATE, step::SWAP, step::RESTART].iter().any(|step| scope.state(step).is_some())
}

/// A failure of the engine as a failure of a step.
fn failed(error: EngineError) -> StepError {
    if error.kind == EngineErrorKind::Away { StepError::away(error) } else { StepError::failed(error) }
}

fn update_failed(error: UpdateError) -> StepError {
    match error {
        UpdateError::Engine(error) => failed(error),
        error => StepError::failed(error),
    }
}

/// In what two containers differ, for people.
pub(crate) fn describe(differences: &[crate::engine::Difference]) -> Vec<String> {
    let side = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    differences
        .iter()
        .map(|difference| {
            format!("{}: {} instead of {}", difference.field, side(&difference.after), side(&difference.before))
        })
        .collect()
}
