//! The work itself: asked for, queued, carried out one stack at a time, recovered after a crash.

mod batch;
mod direct;
mod itself;
mod labels;
mod mismatch;
mod observe;
mod own_plan;
mod plan;
mod policies;
mod queue;
mod reach;
mod restart;
mod rollback;
mod run;
mod scripts;
mod start;
mod sweep;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use homeport_operation::Journal;
use homeport_service::clock::Clock;
use homeport_store::Store;
use tokio::sync::{Notify, RwLock};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{HealthConfig, KeepConfig, OperationsConfig, RollbackConfig},
    engine::Engine,
    error::UpdateError,
    events::Ticks,
    execute::Forced,
    script::Scripts,
    store::{self, Filter, Operation, Page},
    targets::Targets,
};

pub use batch::{BatchAnswer, BatchItem};
pub use direct::{Acted, Action, ByHand};
pub use labels::{LabelRequest, LabelRollback, Labelled};
pub use plan::Shown;
pub use policies::Policies;
pub use queue::Quiet;
pub use restart::{RestartReport, RestartRequest, Restarted};
pub use rollback::RollbackRequest;
pub use start::{Started, UpdateRequest};

/// What operations are carried out with.
pub struct Parts {
    /// The database, with the tables of [`store::schema`] and [`homeport_operation::schema`].
    pub store: Store,
    /// The container engine.
    pub engine: Arc<dyn Engine>,
    /// What to update to.
    pub targets: Arc<dyn Targets>,
    /// Where percentages go.
    pub ticks: Arc<dyn Ticks>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What a new version has to prove.
    pub health: HealthConfig,
    /// What becomes of one that does not.
    pub rollback: RollbackConfig,
    /// What is kept.
    pub keep: KeepConfig,
    /// How many at a time.
    pub limits: OperationsConfig,
    /// Scripts that are asked.
    pub scripts: Scripts,
    /// How stubborn undos are.
    pub retry: homeport_operation::Retry,
    /// Cancelled when no step shall go on.
    pub drain: CancellationToken,
}

/// The work itself. Cheap to clone.
#[derive(Clone)]
pub struct Operations(Arc<Inner>);

struct Inner {
    parts: Parts,
    journal: Journal,
    /// Locks of what is being carried out, of each operation by itself.
    busy: Mutex<Vec<Vec<String>>>,
    /// How far each operation under way is, between two writes of the journal.
    live: Mutex<BTreeMap<String, (String, u32)>>,
    changed: Notify,
    /// Told whenever an operation may have ended, or is handed over to what replaces this process.
    moved: Notify,
    forced: Arc<Forced>,
    /// Read by everything that works, written by what needs everything to rest.
    work: Arc<RwLock<()>>,
}

impl std::fmt::Debug for Operations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operations").finish_non_exhaustive()
    }
}

impl Operations {
    /// Assembles the work. Nothing is carried out before [`Operations::work`].
    pub fn new(parts: Parts) -> Self {
        let journal = Journal::new(parts.store.clone(), Arc::clone(&parts.clock));
        Self(Arc::new(Inner {
            parts,
            journal,
            busy: Mutex::default(),
            live: Mutex::default(),
            changed: Notify::new(),
            moved: Notify::new(),
            forced: Forced::new(),
            work: Arc::default(),
        }))
    }

    /// A page of the history.
    pub async fn list(&self, filter: &Filter) -> Result<Page, UpdateError> {
        let mut page = store::list(&self.0.parts.store, filter).await?;
        page.operations.iter_mut().for_each(|operation| self.0.refresh(operation));
        Ok(page)
    }

    /// An operation.
    pub async fn get(&self, id: &str) -> Result<Operation, UpdateError> {
        let mut operation = store::get(&self.0.parts.store, id).await?.ok_or(UpdateError::NoOperation)?;
        self.0.refresh(&mut operation);
        Ok(operation)
    }
}

impl Inner {
    /// Puts in how far the operation is at this moment.
    fn refresh(&self, operation: &mut Operation) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stage, percent)) = live.get(&operation.id) {
            operation.stage.clone_from(stage);
            operation.percent = *percent;
        }
    }

    /// Refuses work beyond the bound of the queue.
    async fn check_queue(&self) -> Result<(), UpdateError> {
        let limit = self.parts.limits.queue;
        if store::waiting(&self.parts.store).await? >= limit {
            return Err(UpdateError::QueueFull { limit });
        }
        Ok(())
    }

    /// What is kept of a container that is not needed any more once it was updated again.
    async fn obsolete(&self, container: &str) -> Result<Vec<crate::plan::Kept>, UpdateError> {
        let kept = store::kept_of(&self.parts.store, container).await?;
        // The update to come keeps one more.
        let stay = self.parts.keep.rollbacks.saturating_sub(1);
        let subject = |name: &str| crate::plan::Subject {
            id: String::new(),
            name: name.to_owned(),
            stack: None,
            run: crate::plan::Run::Always,
        };
        Ok(kept.iter().skip(stay).map(|id| crate::plan::Names::new(&subject(container), id).kept()).collect())
    }
}

/// What operations on the same thing share: the stack, else the container.
fn lock_of(stack: Option<&str>, container: &str) -> String {
    stack.map_or_else(|| format!("container {container}"), |stack| format!("stack {stack}"))
}
