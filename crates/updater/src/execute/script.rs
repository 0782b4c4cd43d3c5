//! The script that is asked before anything is done.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use homeport_service::telemetry::chain;
use serde::{Deserialize, Serialize};

use super::{Work, failed, step};
use crate::{
    engine::Container,
    plan::{Follower, Kind, tag_of},
    script::Occasion,
};

pub(super) struct Ask(pub(super) Arc<Work>);

/// What a script said, for whoever looks into the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) output: String,
}

#[async_trait]
impl Step for Ask {
    fn name(&self) -> &'static str {
        step::SCRIPT
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let Some(script) = &work.plan().script else { return Ok(()) };
        let (reason, refusal) = match work.plan().kind {
            Kind::Restart => ("restart", format!("{}: ", work.plan().container.name)),
            Kind::Update | Kind::Rollback | Kind::Labels | Kind::Mismatch => {
                ("update", "Pre-update check failed: ".to_owned())
            }
        };
        match work.tools.scripts.ask(script, &work.occasion(reason)).await {
            Ok(output) => scope.record(&Said { output }).await,
            Err(error) => Err(StepError::failed(format!("{refusal}{}", chain(&error)))),
        }
    }
}

/// Asks the scripts of all that would follow, before anything is done. One that says no stops everything.
pub(super) struct AskFollowers(pub(super) Arc<Work>);

/// Whose scripts said no.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Refused {
    /// Names of containers.
    pub containers: Vec<String>,
}

#[async_trait]
impl Step for AskFollowers {
    fn name(&self) -> &'static str {
        step::ASK_FOLLOWERS
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let mut containers = Vec::new();
        for follower in &work.plan().followers {
            scope.progress(50, &format!("asking the script of {}", follower.name));
            if work.ask_follower(follower).await?.is_err() {
                containers.push(follower.name.clone());
            }
        }
        if containers.is_empty() {
            return Ok(());
        }
        let names = containers.join(", ");
        scope.record(&Refused { containers }).await?;
        Err(StepError::failed(format!(
            "Dependent container(s) failed pre-update check: {names}. Use force restart to skip checks."
        )))
    }
}

impl Work {
    /// What the script of a follower says, if it has one.
    pub(super) async fn ask_follower(&self, follower: &Follower) -> Result<Result<(), String>, StepError> {
        let Some(script) = &follower.script else { return Ok(Ok(())) };
        let Some(container) = self.engine.container(&follower.name).await.map_err(failed)? else { return Ok(Ok(())) };
        let occasion = occasion_of(&container, "restart");
        Ok(match self.tools.scripts.ask(script, &occasion).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(operation.id = self.id, container.name = follower.name, error, "a script said no");
                Err(error)
            }
        })
    }

    /// What scripts are told.
    pub(super) fn occasion(&self, reason: &'static str) -> Occasion {
        let plan = self.plan();
        Occasion {
            container_id: plan.container.id.clone(),
            container_name: plan.container.name.clone(),
            image: plan.image.old_reference.clone(),
            stack: plan.container.stack.clone().unwrap_or_default(),
            current_version: plan.image.old_tag().to_owned(),
            target_version: plan.image.new_tag().to_owned(),
            reason,
        }
    }
}

/// What the script of a container that only follows is told.
pub(crate) fn occasion_of(container: &Container, reason: &'static str) -> Occasion {
    let version = tag_of(&container.image).to_owned();
    Occasion {
        container_id: container.id.clone(),
        container_name: container.name.clone(),
        image: container.image.clone(),
        stack: container.label("com.docker.compose.project").unwrap_or_default().to_owned(),
        current_version: version.clone(),
        target_version: version,
        reason,
    }
}
