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
use crate::{error::UpdateError, store};

/// How long an operation waits at most whose turn has come without anyone having noticed, or whose database failed.
const LOOK: Duration = Duration::from_secs(5);

/// Holds a lock, and gives it back however the work with it ended.
pub(super) struct Busy {
    operations: Operations,
    lock: String,
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
        self.operations.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.lock);
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
            if !passed.insert(operation.lock.clone()) {
                continue;
            }
            let busy = self.occupy(&operation.lock, self.0.parts.limits.parallel.max(1));
            if operation.is_of_itself() && busy.is_none() {
                // It waits until nothing else is under way, so nothing may begin before it.
                break;
            }
            if let Some(busy) = busy {
                let operations = self.clone();
                context.spawn("operation", async move {
                    operations.0.run(&operation.id).await;
                    drop(busy);
                });
            }
        }
        Ok(())
    }

    /// Takes a lock, unless it is taken, or as many are as may be, or everything has to be quiet.
    pub(super) fn occupy(&self, lock: &str, parallel: usize) -> Option<Busy> {
        let work = Arc::clone(&self.0.work).try_read_owned().ok()?;
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        // While Homeport replaces itself nothing else is under way.
        let is_excluded = if lock == itself::LOCK { !busy.is_empty() } else { busy.contains(itself::LOCK) };
        if is_excluded || busy.len() >= parallel || !busy.insert(lock.to_owned()) {
            return None;
        }
        Some(Busy { operations: self.clone(), lock: lock.to_owned(), _work: work })
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
