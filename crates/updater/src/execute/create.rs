//! The new container beside the old one, under a name of its own and not started.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, describe, failed, pull::Pulled, step};

pub(super) struct Create(pub(super) Arc<Work>);

/// The container that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Created {
    pub(super) id: String,
    pub(super) differences: Vec<String>,
}

#[async_trait]
impl Step for Create {
    fn name(&self) -> &'static str {
        step::CREATE
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let (plan, saved) = (work.plan(), work.saved());
        let image_id = scope.data::<Pulled>(step::PULL)?.and_then(|pulled| pulled.image_id).unwrap_or_default();
        let image = if plan.image.tag.is_some() { &plan.image.new_reference } else { &image_id };
        let inspect = saved.new_inspect_json.as_ref().unwrap_or(&saved.inspect_json);
        let (id, differences) =
            work.engine.create_replacement(inspect, image, &work.names.replacement, &work.id).await.map_err(failed)?;
        let differences = describe(&differences);
        scope.record(&Created { id: id.clone(), differences: differences.clone() }).await?;
        if !differences.is_empty() && !plan.force {
            return Err(StepError::failed(format!(
                "the new container would not equal the old one: {} (use force to accept that)",
                differences.join("; ")
            )));
        }
        let made = work.engine.container(&id).await.map_err(failed)?;
        if made.is_none_or(|made| made.image_id != image_id) {
            return Err(StepError::failed(format!(
                "the tag of {} was moved by someone meanwhile",
                plan.image.new_reference
            )));
        }
        Ok(())
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for container in work.others().await.map_err(failed)? {
            work.engine.remove(&container.id).await.map_err(failed)?;
        }
        Ok(())
    }
}
