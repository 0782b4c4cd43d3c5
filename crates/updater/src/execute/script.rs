//! The script that is asked before anything is done.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use homeport_service::telemetry::chain;
use serde::{Deserialize, Serialize};

use super::{Work, step};
use crate::script::Occasion;

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
        match work.tools.scripts.ask(script, &work.occasion("update")).await {
            Ok(output) => scope.record(&Said { output }).await,
            Err(error) => Err(StepError::failed(format!("Pre-update check failed: {}", chain(&error)))),
        }
    }
}

impl Work {
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
