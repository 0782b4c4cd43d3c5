//! The new version is tried on a copy of its data, alone, and thrown away, before anything of the old one is touched.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Work, failed, pull::Pulled, step};
use crate::{
    health::{self, ProofError},
    plan::rehearsal_document,
};

pub(super) struct Rehearse(pub(super) Arc<Work>);

/// What was seen at a rehearsal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rehearsed {
    /// In words.
    pub seen: String,
}

#[async_trait]
impl Step for Rehearse {
    fn name(&self) -> &'static str {
        step::REHEARSE
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let tried = work.rehearse(scope).await;
        // Whatever it showed, nothing of it stays.
        work.clear_rehearsal().await?;
        let seen = tried?;
        tracing::info!(operation.id = work.id, seen, "rehearsed");
        scope.record(&Rehearsed { seen }).await
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        self.0.clear_rehearsal().await
    }
}

impl Work {
    fn rehearsal_name(&self) -> String {
        format!("{}.rehearsal", self.names.replacement)
    }

    /// Id of what the rehearsal makes; another than the operation's, so that none of it is taken for the new version.
    fn rehearsal_id(&self) -> String {
        format!("{}-rehearsal", self.id)
    }

    async fn rehearse(&self, scope: &Scope<'_>) -> Result<String, StepError> {
        let plan = self.plan();
        let mut copies = BTreeMap::new();
        if plan.has_data() {
            let fork = self.rehearsal_id();
            let volumes = self.engine.fork_snapshot(&self.names.snapshot, &fork).await.map_err(failed)?;
            copies.extend(plan.data.iter().map(|data| data.source.clone()).zip(volumes));
        }
        let document = rehearsal_document(&self.saved().inspect_json, &copies)
            .ok_or_else(|| StepError::failed("the old container's inspect document cannot be read"))?;
        let image = scope.data::<Pulled>(step::PULL)?.and_then(|pulled| pulled.image_id).unwrap_or_default();
        let (id, _) = self
            .engine
            .create_replacement(&document, &image, &self.rehearsal_name(), &self.rehearsal_id())
            .await
            .map_err(failed)?;
        let begin = Instant::now();
        self.engine.start(&id).await.map_err(failed)?;
        let container = self.engine.container(&id).await.map_err(failed)?;
        let container = container.ok_or_else(|| StepError::failed("the container of the rehearsal is gone"))?;
        let on_progress =
            |percent: u32, _: &str| scope.progress(percent, "trying the new version on a copy of its data");
        match health::prove(self.engine.as_ref(), &container, &plan.proof, plan.container.run, &on_progress).await {
            Ok(()) => Ok(format!(
                "rehearsed for {} s without network on {}: it was healthy",
                begin.elapsed().as_secs(),
                if copies.is_empty() { "no data" } else { "a copy of the data" }
            )),
            Err(ProofError::Engine(error)) => Err(failed(error)),
            Err(error) => {
                Err(StepError::failed(format!("the rehearsal without network on a copy of the data failed: {error}")))
            }
        }
    }

    async fn clear_rehearsal(&self) -> Result<(), StepError> {
        if let Some(left) = self.engine.container(&self.rehearsal_name()).await.map_err(failed)? {
            self.engine.remove(&left.id).await.map_err(failed)?;
        }
        if self.plan().has_data() {
            self.engine.discard_fork(&self.rehearsal_id()).await.map_err(failed)?;
        }
        Ok(())
    }
}
