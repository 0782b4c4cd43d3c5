//! Compose puts the new container in place of the old one.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Placed, Work, describe, failed, pull::Pulled, step};
use crate::{
    engine::{Container, Guard, Unlike, Up},
    plan::{Run, Way},
};

pub(super) struct Recreate(pub(super) Arc<Work>);

#[async_trait]
impl Step for Recreate {
    fn name(&self) -> &'static str {
        step::RECREATE
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let Way::Compose { project, service, recreate } = &work.plan().way else { return Ok(()) };
        work.old_or_gone().await?;
        let image_id = scope.data::<Pulled>(step::PULL)?.and_then(|pulled| pulled.image_id).unwrap_or_default();
        let up = Up {
            recreate: *recreate,
            start: work.plan().container.run != Run::Never,
            guards: &work.guards(&image_id),
            accepts: work.plan().force,
        };
        let Unlike { refused, accepted } = work.engine.up_service(project, service, up).await.map_err(failed)?;
        if !refused.is_empty() {
            let differences = describe(&refused);
            let text = unlike(&differences);
            scope.record(&Placed { is_untouched: true, differences, ..Placed::default() }).await?;
            return Err(StepError::failed(text));
        }
        let new = work.only_new(scope).await?;
        let mut differences =
            work.engine.compare(&work.saved().inspect_json, &new.inspect_json).await.map_err(failed)?;
        differences.retain(|difference| !work.plan().expected.contains(&difference.field));
        let mut differences = describe(&differences);
        differences
            .extend(describe(&accepted).into_iter().filter(|told| !differences.contains(told)).collect::<Vec<_>>());
        // From here on they may have written, whatever is found out about the others.
        let placed = Placed { new_container: Some(new.id.clone()), may_have_written: true, ..Placed::default() };
        scope.record(&placed).await?;
        differences.extend(work.compare_peers(Some(&new.image_id)).await?);
        let placed = Placed {
            new_container: Some(new.id),
            may_have_written: true,
            differences: differences.clone(),
            is_untouched: false,
        };
        scope.record(&placed).await?;
        if differences.is_empty() || work.plan().force {
            return Ok(());
        }
        Err(StepError::failed(unlike(&differences)))
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        self.0.take_away_new(scope).await
    }
}

fn unlike(differences: &[String]) -> String {
    format!(
        "the new container differs from the old one in more than its image: {} (use force to accept that)",
        differences.join("; ")
    )
}

impl Work {
    /// What compose has to replace by its like, or by force at least by what it was compared with.
    fn guards<'a>(&'a self, image_id: &'a str) -> Vec<Guard<'a>> {
        let saved = [&self.saved().inspect_json].into_iter().chain(&self.saved().peers);
        saved.map(|inspect_json| Guard { inspect_json, expected: &self.plan().expected, image_id }).collect()
    }

    /// The one container that stands in the old one's place now.
    async fn only_new(&self, scope: &Scope<'_>) -> Result<Container, StepError> {
        let image_id = scope.data::<Pulled>(step::PULL)?.and_then(|pulled| pulled.image_id);
        let mut found = self.candidates().await.map_err(failed)?;
        found.retain(|container| self.plan().peers.iter().all(|peer| peer.name != container.name));
        let name = &self.plan().container.name;
        let (Some(new), true) = (found.pop(), found.is_empty()) else {
            return Err(StepError::failed(format!("compose left several containers or none in the place of {name}")));
        };
        if new.id == self.plan().container.id {
            return Err(StepError::failed(format!("compose saw no reason to recreate {name}")));
        }
        if Some(&new.image_id) != image_id.as_ref() {
            return Err(StepError::failed(format!(
                "compose started {name} from {}, which is not the image that was pulled",
                new.image
            )));
        }
        Ok(new)
    }
}
