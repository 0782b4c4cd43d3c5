//! The engine restarts the container, which stays the same one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, failed, step};
use crate::{
    engine::{Container, EngineError, Health},
    operations::Action,
    plan::Run,
};

/// How long a container may take to become healthy before that is told as a remark.
const HEALTH_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct Restart(pub(super) Arc<Work>);

#[async_trait]
impl Step for Restart {
    fn name(&self) -> &'static str {
        step::RESTART
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let old = self.0.old_or_gone().await?;
        scope.progress(0, &format!("restarting {}", old.name));
        // In one call, as what is started with --rm needs it.
        self.0.engine.act(&old.id, &Action::Restart { timeout: None }).await.map_err(failed)
    }
}

/// Waits until it is healthy again. That it is not is told and no more: there is nothing to go back to.
pub(super) struct Settle(pub(super) Arc<Work>);

/// What is to be said of a container that was restarted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Settled {
    /// Empty: it is healthy.
    pub remark: String,
}

#[async_trait]
impl Step for Settle {
    fn name(&self) -> &'static str {
        step::SETTLE
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let name = &self.0.plan().container.name;
        let found = self.0.settled(&self.0.plan().container.id).await?;
        let is_job = self.0.plan().container.run == Run::Job;
        let remark = match found {
            None => format!("{name} is gone"),
            Some(found) if found.health == Health::Unhealthy => format!("{name} is unhealthy: {}", found.health_output),
            Some(found) if found.health == Health::Starting => format!("{name} is not healthy yet"),
            Some(found) if found.is_up() || (is_job && found.exit_code == 0) => String::new(),
            Some(found) => format!("{name} ended with exit code {}", found.exit_code),
        };
        scope.record(&Settled { remark }).await
    }
}

impl Work {
    /// Stops and starts a container. One that was started with --rm would be gone after a stop: the engine does both.
    pub(super) async fn start_again(&self, container: &Container) -> Result<(), EngineError> {
        if container.auto_remove {
            return self.engine.act(&container.id, &Action::Restart { timeout: None }).await;
        }
        self.engine.stop(&container.id).await?;
        self.engine.start(&container.id).await
    }

    /// A container as soon as it is healthy or will not become so, at the latest after the limit.
    pub(super) async fn settled(&self, container: &str) -> Result<Option<Container>, StepError> {
        let deadline = tokio::time::Instant::now() + HEALTH_LIMIT;
        loop {
            let found = self.engine.container(container).await.map_err(failed)?;
            let is_waiting = found.as_ref().is_some_and(|found| found.health == Health::Starting && found.is_up());
            if !is_waiting || tokio::time::Instant::now() >= deadline {
                return Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
