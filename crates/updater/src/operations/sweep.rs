//! What nobody needs any more: what is kept for containers that are gone, and update locks that a crash left taken.

use std::{collections::BTreeSet, time::Duration};

use homeport_service::{Context, telemetry::chain};
use jiff::SignedDuration;

use super::Operations;
use crate::{
    error::UpdateError,
    gather::lock_places,
    plan::{Names, Run, Subject},
    store::{self, Operation, Status, detail},
};

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(3_600);
/// Places of update locks that are looked at together.
const PLACES: usize = 100;

impl Operations {
    /// Looks every hour until the context drains.
    pub async fn sweep(&self, context: &Context) {
        let drain = context.drain();
        let mut missing = BTreeSet::new();
        while !drain.is_cancelled() {
            match self.sweep_once(&missing).await {
                Ok(found) => missing = found,
                Err(error) => tracing::warn!(error = chain(&error), "cannot look for copies of what is gone"),
            }
            if let Err(error) = self.sweep_locks().await {
                tracing::warn!(error = chain(&error), "cannot look for update locks that were left taken");
            }
            tokio::select! {
                () = drain.cancelled() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Gives back the update locks that are ours while nothing is under way that could need them: an updater took them and
    /// ended before it had written that down.
    pub(super) async fn sweep_locks(&self) -> Result<(), UpdateError> {
        let Ok(quiet) = self.quiet() else { return Ok(()) };
        let (inner, under_way) = (&self.0, |operation: &Operation| operation.status == Status::InProgress);
        if !store::active(&inner.parts.store).await?.iter().any(under_way) {
            let places = lock_places(inner.parts.engine.containers(&[]).await?.iter());
            for some in places.chunks(PLACES) {
                inner.release_locks(some).await;
            }
        }
        drop(quiet);
        Ok(())
    }

    /// Deletes what is kept for containers that were missing at the look before and are now, and had their last update
    /// long enough ago. Returns the names of those that are missing now: one that is just being recreated is missing once.
    pub(super) async fn sweep_once(&self, missing_before: &BTreeSet<String>) -> Result<BTreeSet<String>, UpdateError> {
        let parts = &self.0.parts;
        let present: BTreeSet<String> =
            parts.engine.containers(&[]).await?.into_iter().map(|container| container.name).collect();
        let days = i64::try_from(parts.keep.gone_days).unwrap_or(i64::MAX);
        let limit = SignedDuration::from_hours(days.saturating_mul(24));
        let mut missing = BTreeSet::new();
        for kept in detail::all_kept(&parts.store).await? {
            if present.contains(&kept.container) {
                continue;
            }
            missing.insert(kept.container.clone());
            let is_old = kept.completed_at.is_some_and(|at| parts.clock.now().duration_since(at) >= limit);
            if !is_old || !missing_before.contains(&kept.container) {
                continue;
            }
            let subject = Subject { id: String::new(), name: kept.container.clone(), stack: None, run: Run::Always };
            let names = Names::new(&subject, &store::record::journal_id(&kept.operation, kept.position));
            parts.engine.delete_snapshot(&names.snapshot).await?;
            parts.engine.untag(&names.kept_image()).await?;
            let mut transaction = parts.store.begin().await?;
            store::set_kept(&mut transaction, &kept.operation, kept.position, false).await?;
            transaction.commit().await?;
            tracing::info!(
                container.name = kept.container,
                operation.id = kept.operation,
                "the container is gone, so its old image and data are not kept any longer"
            );
        }
        Ok(missing)
    }
}
