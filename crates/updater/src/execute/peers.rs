//! The other containers of a scaled service: compose recreates all of them at once, so they come back together too.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, StepState};

use super::{Placed, Work, describe, failed, is_touched, step};
use crate::{
    engine::{Container, EngineError},
    plan::{Names, Subject},
};

/// Stands before the steps that touch the service, so that its undo comes after theirs.
pub(super) struct HoldPeers(pub(super) Arc<Work>);

#[async_trait]
impl Step for HoldPeers {
    fn name(&self) -> &'static str {
        step::HOLD_PEERS
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for peer in &work.plan().peers {
            let present = work.engine.container(&peer.id).await.map_err(failed)?;
            if !present.is_some_and(|present| present.is_up()) {
                return Err(StepError::failed(format!(
                    "container {} was stopped or removed in the meantime",
                    peer.name
                )));
            }
        }
        Ok(())
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        // A stop or a recreation that nobody waits for any more may still be under way.
        let refused = scope.data::<Placed>(step::RECREATE)?.is_some_and(|placed| placed.is_untouched);
        let may_be_stopping = (scope.state(step::RECREATE).is_some() && !refused)
            || scope.state(step::STOP).is_some_and(|state| state != StepState::Done);
        for (number, peer) in work.plan().peers.iter().enumerate() {
            let present = match work.engine.container(&peer.id).await.map_err(failed)? {
                Some(old) => old,
                // Nothing had been done to it when someone removed it.
                None if !is_touched(scope) => continue,
                None => work.peer_again(number, peer).await?,
            };
            if present.name != peer.name {
                work.engine.rename(&present.id, &peer.name).await.map_err(failed)?;
            }
            if may_be_stopping && present.id == peer.id && present.is_up() {
                work.engine.stop(&present.id).await.map_err(failed)?;
                work.engine.start(&present.id).await.map_err(failed)?;
            } else if !present.is_up() {
                work.engine.start(&present.id).await.map_err(failed)?;
            }
        }
        Ok(())
    }
}

impl Work {
    /// Whether a container is the old one of a peer, or stands in its place again.
    pub(super) fn is_old_peer(&self, container: &Container) -> bool {
        let is_again = |peer: &Subject| peer.name == container.name && container.image_id == self.plan().image.old_id;
        self.plan().peers.iter().any(|peer| peer.id == container.id || is_again(peer))
    }

    /// The containers that stand in the peers' places now.
    pub(super) async fn present_peers(&self) -> Result<Vec<Container>, EngineError> {
        let mut present = Vec::new();
        for peer in &self.plan().peers {
            present.extend(self.engine.container(&peer.name).await?);
        }
        Ok(present)
    }

    /// Compares each peer with the one that it replaces: what differs beyond what must.
    pub(super) async fn compare_peers(&self, image_id: Option<&str>) -> Result<Vec<String>, StepError> {
        let mut differences = Vec::new();
        for (peer, saved) in self.plan().peers.iter().zip(&self.saved().peers) {
            let present = self.engine.container(&peer.name).await.map_err(failed)?;
            let Some(present) =
                present.filter(|present| present.id != peer.id && Some(present.image_id.as_str()) == image_id)
            else {
                return Err(StepError::failed(format!(
                    "compose did not put the new version in the place of {}",
                    peer.name
                )));
            };
            let mut found = self.engine.compare(saved, &present.inspect_json).await.map_err(failed)?;
            found.retain(|difference| !self.plan().expected.contains(&difference.field));
            differences.extend(describe(&found).into_iter().map(|text| format!("{}: {text}", peer.name)));
        }
        Ok(differences)
    }

    /// A peer made again from its inspect document, by this attempt or one before.
    async fn peer_again(&self, number: usize, peer: &Subject) -> Result<Container, StepError> {
        if let Some(present) = self.engine.container(&peer.name).await.map_err(failed)?
            && self.is_old_peer(&present)
        {
            return Ok(present);
        }
        let Some(saved) = self.saved().peers.get(number) else {
            return Err(StepError::failed(format!("the journal does not know what {} was", peer.name)));
        };
        let (image, names) = (self.old_image().await?, Names::new(peer, &self.id));
        let operation = format!("{}/{}", self.id, peer.name);
        let (id, _) =
            self.engine.create_replacement(saved, &image, &names.replacement, &operation).await.map_err(failed)?;
        let made = self.engine.container(&id).await.map_err(failed)?;
        made.ok_or_else(|| StepError::failed(format!("container {} is gone as soon as it was made again", peer.name)))
    }
}
