//! What a label asks for after an update has succeeded. The update stays what it is, whatever becomes of this.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use homeport_service::telemetry::chain;

use super::{Work, health::is_unproved, step};
use crate::{
    engine::{EngineError, EngineErrorKind},
    gather,
    plan::{After, Way},
};

pub(super) struct Act(pub(super) Arc<Work>);

#[async_trait]
impl Step for Act {
    fn name(&self) -> &'static str {
        step::AFTER
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        if is_unproved(scope)? {
            return Ok(());
        }
        let Some(after) = &work.plan().after else { return Ok(()) };
        let result = match after {
            After::Restart { containers } => work.restart(containers).await.map_err(|error| error.to_string()),
            After::ComposeRestart { services } => {
                work.restart_services(services).await.map_err(|error| error.to_string())
            }
            After::Script { path } => {
                let asked = work.tools.scripts.act(path, &work.occasion("post-update")).await;
                asked.map(drop).map_err(|error| chain(&error))
            }
            After::Exec { command } => {
                let ran = work.tools.scripts.exec(command, &work.occasion("post-update")).await;
                ran.map(drop).map_err(|error| chain(&error))
            }
        };
        if let Err(error) = result {
            tracing::warn!(
                operation.id = work.id,
                container.name = work.plan().container.name,
                error,
                "what was to be done after the update failed"
            );
        }
        Ok(())
    }
}

impl Work {
    /// One that is stopped stays so.
    async fn restart(&self, containers: &[String]) -> Result<(), EngineError> {
        for name in containers {
            let Some(found) = self.engine.container(name).await? else {
                return Err(EngineError {
                    action: format!("restarting {name}"),
                    kind: EngineErrorKind::NotFound,
                    message: "there is no such container".to_owned(),
                });
            };
            if found.is_up() {
                self.start_again(&found).await?;
            }
        }
        Ok(())
    }

    async fn restart_services(&self, services: &[String]) -> Result<(), EngineError> {
        let Way::Compose { project, .. } = &self.plan().way else { return Ok(()) };
        for service in services {
            let containers = gather::of_service(self.engine.as_ref(), &project.name, service).await?;
            let names: Vec<String> = containers.into_iter().map(|container| container.name).collect();
            self.restart(&names).await?;
        }
        Ok(())
    }
}
