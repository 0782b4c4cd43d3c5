//! One operation a stack at a time, several stacks at once.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use homeport_service::{Context, telemetry::chain};
use homeport_store::StoreError;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use super::{Operations, itself};
use crate::{
    error::UpdateError,
    store::{self, Status},
};

/// How long an operation waits at most whose turn has come without anyone having noticed, or whose database failed.
const LOOK: Duration = Duration::from_secs(5);

/// Holds locks, and gives them back however the work with it ended.
pub(super) struct Busy {
    operations: Operations,
    locks: Vec<String>,
    /// While this is held, nothing that wants everything quiet begins.
    _work: OwnedRwLockReadGuard<()>,
}

/// While this is held, no operation begins.
#[derive(Debug)]
pub struct Quiet {
    operations: Operations,
    rest: Option<OwnedRwLockWriteGuard<()>>,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Before anybody looks whether work may begin.
        drop(self.rest.take());
        self.operations.0.changed.notify_one();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut busy = self.operations.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|held| *held != self.locks);
        drop(busy);
        self.operations.0.changed.notify_one();
    }
}

impl Operations {
    /// Carries out what is asked for until the context drains. What a crash interrupted comes first.
    pub async fn work(&self, context: &Context) {
        let drain = context.drain();
        if let Err(error) = self.0.tidy_itself().await {
            tracing::error!(error = chain(&error), "cannot look whether an update of Homeport left anything");
        }
        while !drain.is_cancelled() {
            if let Err(error) = self.dispatch(context).await {
                tracing::error!(error = chain(&error), "cannot read the queue");
            }
            tokio::select! {
                () = drain.cancelled() => {}
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn dispatch(&self, context: &Context) -> Result<(), StoreError> {
        // An operation keeps its place also while it cannot start: nothing overtakes it on its stack.
        let mut passed = BTreeSet::new();
        for operation in store::active(&self.0.parts.store).await? {
            let mut locks = operation.locks();
            if passed.contains(&operation.lock) || self.is_held(&operation.lock) {
                passed.extend(locks);
                continue;
            }
            if operation.status == Status::Queued {
                locks = tokio::select! {
                    locks = self.0.reach_now(&operation) => locks?,
                    () = self.0.parts.drain.cancelled() => return Ok(()),
                };
            }
            let is_first = locks.iter().all(|lock| !passed.contains(lock));
            passed.extend(locks.iter().cloned());
            if !is_first {
                continue;
            }
            let busy = self.occupy(&locks, self.0.parts.limits.parallel.max(1));
            if operation.is_of_itself() && busy.is_none() {
                // It waits until nothing else is under way, so nothing may begin before it.
                break;
            }
            if let Some(busy) = busy {
                let operations = self.clone();
                context.spawn("operation", async move { operations.0.run(&operation.id, busy).await });
            }
        }
        Ok(())
    }

    /// Takes locks, unless one of them is taken, or as many operations are under way as may be, or everything has to be
    /// quiet.
    pub(super) fn occupy(&self, locks: &[String], parallel: usize) -> Option<Busy> {
        let work = Arc::clone(&self.0.work).try_read_owned().ok()?;
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let is_held = |lock: &str| busy.iter().flatten().any(|held| held == lock);
        // While Homeport replaces itself nothing else is under way.
        let is_excluded =
            if locks.iter().any(|lock| lock == itself::LOCK) { !busy.is_empty() } else { is_held(itself::LOCK) };
        if is_excluded || busy.len() >= parallel || locks.iter().any(|lock| is_held(lock)) {
            return None;
        }
        busy.push(locks.to_vec());
        Some(Busy { operations: self.clone(), locks: locks.to_vec(), _work: work })
    }

    fn is_held(&self, lock: &str) -> bool {
        let busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.iter().flatten().any(|held| held == lock)
    }

    /// Sees to it that nothing is under way and nothing begins.
    pub fn quiet(&self) -> Result<Quiet, UpdateError> {
        let rest = Arc::clone(&self.0.work).try_write_owned().map_err(|_| UpdateError::NotQuiet)?;
        Ok(Quiet { operations: self.clone(), rest: Some(rest) })
    }

    /// Names of the containers that operations wait to work on, or work on.
    pub async fn queued(&self) -> Result<Vec<String>, UpdateError> {
        Ok(store::action::queued_containers(&self.0.parts.store).await?)
    }
}
