//! What people do to containers by hand: at once or not at all, recorded like every other operation.

mod locks;
mod many;
mod order;

use std::time::Duration;

use homeport_service::{Context, telemetry::chain};
use homeport_store::StoreError;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Inner, Operations, lock_of, queue::Busy};
use crate::{
    engine::{Container, EngineError},
    error::UpdateError,
    events::{self, ContainerChanged, Progress},
    inventory::ComposePlace,
    plan::{LockPlace, PlanError},
    store::{self, Kind, Operation, Status, action},
};
use locks::Deed;
pub(super) use order::levels;

/// The label of Homeport's own containers.
const ROLE_LABEL: &str = "homeport.role";
/// Compose's own label, by which the processes of one installation belong together.
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// What is done to a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Starts it.
    Start,
    /// Stops it, within its own grace period unless another is given.
    Stop {
        /// Another grace period.
        timeout: Option<Duration>,
    },
    /// Stops and starts it.
    Restart {
        /// Another grace period.
        timeout: Option<Duration>,
    },
    /// Freezes it.
    Pause,
    /// Lets it go on.
    Unpause,
    /// Sends it a signal.
    Kill {
        /// Its name. Empty: `SIGKILL`.
        signal: String,
    },
    /// Removes it.
    Remove {
        /// Also when it runs.
        force: bool,
        /// Also the volumes that the engine made for it alone.
        volumes: bool,
    },
}

/// Something that somebody wants to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// What.
    pub action: Action,
    /// Update locks of the application are broken.
    pub force: bool,
    /// Who.
    pub requested_by: String,
}

/// An action that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The operation.
    pub operation: String,
    /// The container's name.
    pub container: String,
    /// Why it failed. Empty: it was done.
    pub error: String,
}

/// A container that something can be done to, and the lock that it is done under.
struct Subject {
    container: Container,
    stack: String,
    service: String,
    needs: Vec<String>,
    lock: String,
}

impl Operations {
    /// Does something to a container, and waits for the end. Goes on when the caller leaves.
    pub async fn act(&self, context: &Context, container: &str, wish: &ByHand) -> Result<Acted, UpdateError> {
        let subject = self.0.subject(container, &wish.action).await?;
        let busy = self.seize(&subject)?;
        let places = self.0.lock_places(&subject, &wish.action).await?;
        self.0.take_locks(&subject, &places, wish.force).await?;
        let operation = self.0.record(&subject, wish, places, "").await?;
        let (sender, receiver) = oneshot::channel();
        let operations = self.clone();
        context.spawn("action", async move {
            let acted = operations.0.carry_out(&operation).await.map_err(UpdateError::from);
            drop(busy);
            // Nobody may be left to hear it.
            drop(sender.send(acted));
        });
        receiver.await.unwrap_or_else(|_| Err(UpdateError::CutShort))
    }

    fn seize(&self, subject: &Subject) -> Result<Busy, UpdateError> {
        // Work by hand takes seconds and is asked for by somebody who waits: it does not count as one of those in parallel.
        let busy = self.occupy(std::slice::from_ref(&subject.lock), usize::MAX);
        busy.ok_or_else(|| UpdateError::Busy { what: subject.container.name.clone() })
    }
}

impl Inner {
    async fn subject(&self, name: &str, action: &Action) -> Result<Subject, UpdateError> {
        let engine = &self.parts.engine;
        let container = engine.container(name).await?;
        let container = container.ok_or_else(|| UpdateError::NoContainer { container: name.to_owned() })?;
        if self.is_own(&container).await? {
            return Err(PlanError::Own { container: container.name }.into());
        }
        if container.swarm.is_some() {
            return Err(UpdateError::SwarmService { service: container.name });
        }
        if container.is_up() && matches!(action, Action::Remove { force: false, .. }) {
            return Err(UpdateError::Running);
        }
        let (stack, service, needs) = match ComposePlace::of_labels(&container.labels) {
            Some(place) => (place.project, place.service, place.depends_on),
            None => (String::new(), String::new(), Vec::new()),
        };
        let lock = lock_of(Some(stack.as_str()).filter(|stack| !stack.is_empty()), &container.name);
        Ok(Subject { container, stack, service, needs, lock })
    }

    /// Whether a container is one of Homeport's: it says so, docker-agent runs in it, or it belongs to the same project.
    pub(super) async fn is_own(&self, container: &Container) -> Result<bool, UpdateError> {
        if container.label(ROLE_LABEL).is_some() {
            return Ok(true);
        }
        let Some(own_id) = self.parts.engine.own_container().await? else { return Ok(false) };
        if own_id == container.id {
            return Ok(true);
        }
        let own = self.parts.engine.container(&own_id).await?;
        let project = own.as_ref().and_then(|own| own.label(PROJECT_LABEL));
        Ok(project.is_some() && project == container.label(PROJECT_LABEL))
    }

    /// Writes down what is about to be done.
    async fn record(
        &self,
        subject: &Subject,
        wish: &ByHand,
        locks: Vec<LockPlace>,
        group: &str,
    ) -> Result<Operation, UpdateError> {
        let mut operation = self.new_operation(wish.action.kind(), wish.requested_by.clone(), Vec::new());
        operation.container_id.clone_from(&subject.container.id);
        operation.container_name.clone_from(&subject.container.name);
        operation.stack.clone_from(&subject.stack);
        operation.lock.clone_from(&subject.lock);
        group.clone_into(&mut operation.group);
        operation.status = Status::InProgress;
        let deed = Deed { action: wish.action.clone(), locks };
        let json = serde_json::to_string(&deed).map_err(|error| StoreError::corrupt("action", error))?;
        let mut transaction = self.parts.store.begin().await?;
        store::insert(&mut transaction, &operation).await?;
        store::start(&mut transaction, &operation.id, operation.created_at).await?;
        action::insert(&mut transaction, &operation.id, &json).await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// Does what an operation by hand is to do, from the beginning: all of it can be done again.
    pub(super) async fn carry_out(&self, operation: &Operation) -> Result<Acted, StoreError> {
        let deed = self.deed(operation).await?;
        let done = self.perform(operation, &deed.action).await?;
        self.release_locks(&deed.locks).await;
        self.conclude(operation, &deed.action, done).await
    }

    async fn deed(&self, operation: &Operation) -> Result<Deed, StoreError> {
        let json = action::get(&self.parts.store, &operation.id).await?.unwrap_or_default();
        serde_json::from_str(&json).map_err(|error| StoreError::corrupt("action", error))
    }

    async fn perform(&self, operation: &Operation, action: &Action) -> Result<Result<(), EngineError>, StoreError> {
        let name = &operation.container_name;
        tracing::info!(operation.id, container.name = name, action = ?action, requested_by = operation.requested_by, "by hand");
        self.tell(operation, action.stage(), 30, &format!("{} {name}", action.doing())).await?;
        Ok(self.parts.engine.act(&operation.container_id, action).await)
    }

    async fn conclude(
        &self,
        operation: &Operation,
        action: &Action,
        done: Result<(), EngineError>,
    ) -> Result<Acted, StoreError> {
        let name = &operation.container_name;
        let error = done.err().map(|error| chain(&error)).unwrap_or_default();
        let now = self.parts.clock.now();
        let (status, stage, percent, word) = if error.is_empty() {
            (Status::Complete, "complete", 100, if operation.kind == Kind::Restart { "restarted" } else { "complete" })
        } else {
            (Status::Failed, "failed", 0, "failed")
        };
        let mut transaction = self.parts.store.begin().await?;
        store::finish(&mut transaction, &operation.id, status, &error, false, now).await?;
        let message = if error.is_empty() { format!("{name} {}", action.done()) } else { error.clone() };
        events::progress(&mut transaction, &self.progress(operation, stage, percent, &message)).await?;
        let changed = ContainerChanged {
            operation_id: operation.id.clone(),
            container_id: operation.container_id.clone(),
            container_name: name.clone(),
            stack_name: operation.stack.clone(),
            status: word,
        };
        events::container(&mut transaction, &changed).await?;
        transaction.commit().await?;
        self.moved.notify_waiters();
        self.parts.targets.recheck(name).await;
        Ok(Acted { operation: operation.id.clone(), container: name.clone(), error })
    }

    async fn tell(&self, operation: &Operation, stage: &str, percent: u32, message: &str) -> Result<(), StoreError> {
        let mut transaction = self.parts.store.begin().await?;
        store::set_stage(&mut transaction, &operation.id, stage, percent, self.parts.clock.now()).await?;
        events::progress(&mut transaction, &self.progress(operation, stage, percent, message)).await?;
        transaction.commit().await
    }

    fn progress(&self, operation: &Operation, stage: &str, percent: u32, message: &str) -> Progress {
        Progress {
            operation_id: operation.id.clone(),
            container_name: operation.container_name.clone(),
            stack_name: operation.stack.clone(),
            stage: stage.to_owned(),
            progress: percent,
            message: message.to_owned(),
            timestamp: events::seconds(self.parts.clock.now()),
        }
    }
}

impl Action {
    const fn kind(&self) -> Kind {
        match self {
            Self::Start => Kind::Start,
            Self::Stop { .. } => Kind::Stop,
            Self::Restart { .. } => Kind::Restart,
            Self::Pause => Kind::Pause,
            Self::Unpause => Kind::Unpause,
            Self::Kill { .. } => Kind::Kill,
            Self::Remove { .. } => Kind::Remove,
        }
    }

    /// The stage, out of those that clients have icons for.
    const fn stage(&self) -> &'static str {
        match self {
            Self::Start | Self::Unpause => "starting",
            Self::Stop { .. } | Self::Pause | Self::Kill { .. } => "stopping",
            Self::Restart { .. } => "restarting",
            Self::Remove { .. } => "removing",
        }
    }

    const fn doing(&self) -> &'static str {
        match self {
            Self::Start => "starting",
            Self::Stop { .. } => "stopping",
            Self::Restart { .. } => "restarting",
            Self::Pause => "pausing",
            Self::Unpause => "unpausing",
            Self::Kill { .. } => "sending a signal to",
            Self::Remove { .. } => "removing",
        }
    }

    const fn done(&self) -> &'static str {
        match self {
            Self::Start => "was started",
            Self::Stop { .. } => "was stopped",
            Self::Restart { .. } => "was restarted",
            Self::Pause => "was paused",
            Self::Unpause => "goes on",
            Self::Kill { .. } => "got the signal",
            Self::Remove { .. } => "was removed",
        }
    }

    /// Whether what depends on others comes before them.
    const fn is_ending(&self) -> bool {
        matches!(self, Self::Stop { .. } | Self::Pause | Self::Kill { .. } | Self::Remove { .. })
    }
}

#[cfg(test)]
mod tests;
