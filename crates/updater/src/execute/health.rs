//! The new version proves itself.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, failed, placed, step};
use crate::{
    health::{self, ProofError},
    plan::Run,
};

pub(super) struct Prove(pub(super) Arc<Work>);

/// The new version has not proved itself, and stays because a person wants to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unproved {
    /// What is wrong with it.
    pub problem: String,
}

/// Whether the new version stays without having proved itself.
pub(super) fn is_unproved(scope: &Scope<'_>) -> Result<bool, StepError> {
    Ok(scope.data::<Unproved>(step::HEALTH)?.is_some())
}

#[async_trait]
impl Step for Prove {
    fn name(&self) -> &'static str {
        step::HEALTH
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let run = work.plan().container.run;
        if run == Run::Never {
            return Ok(());
        }
        let id = placed(scope)?.and_then(|placed| placed.new_container).unwrap_or_default();
        let name = &work.plan().container.name;
        let new = work.engine.container(&id).await.map_err(failed)?;
        let new = new.ok_or_else(|| StepError::failed(format!("the new container {name} is gone")))?;
        let on_progress = |percent: u32, message: &str| scope.progress(percent, message);
        let mut all = vec![new];
        all.extend(work.present_peers().await.map_err(failed)?);
        for one in &all {
            match health::prove(work.engine.as_ref(), one, &work.plan().proof, run, &on_progress).await {
                Ok(()) => {}
                Err(ProofError::Engine(error)) => return Err(failed(error)),
                Err(error) if work.plan().proof.stays => {
                    scope.record(&Unproved { problem: error.to_string() }).await?;
                    break;
                }
                Err(error) => return Err(StepError::failed(error)),
            }
        }
        work.check_alone(&all[0].id).await
    }
}

impl Work {
    /// The old version, if it still lies aside, has not been started again in the meantime: both would have written.
    async fn check_alone(&self, new: &str) -> Result<(), StepError> {
        match self.old().await.map_err(failed)? {
            Some(old) if old.id != new && old.is_up() => Err(StepError::failed(format!(
                "the old version of {} was started beside the new one",
                self.plan().container.name
            ))),
            _ => Ok(()),
        }
    }
}
