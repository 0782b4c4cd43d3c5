//! The old container stops, in its own way and time.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Work, failed, step};

pub(super) struct Stop(pub(super) Arc<Work>);

#[async_trait]
impl Step for Stop {
    fn name(&self) -> &'static str {
        step::STOP
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for subject in self.0.plan().peers.iter().chain([&self.0.plan().container]) {
            self.0.engine.stop(&subject.id).await.map_err(failed)?;
        }
        self.0.check_stopped().await
    }
}

impl Work {
    /// The old container is there and does not run, nor do its peers.
    pub(super) async fn check_stopped(&self) -> Result<(), StepError> {
        let old = self.old_or_gone().await?;
        if old.is_up() {
            return Err(StepError::failed(format!("container {} was started again by someone", old.name)));
        }
        match self.present_peers().await.map_err(failed)?.iter().find(|peer| peer.is_up()) {
            Some(peer) => Err(StepError::failed(format!("container {} was started again by someone", peer.name))),
            None => Ok(()),
        }
    }
}
