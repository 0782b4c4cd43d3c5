//! One operation a stack at a time, several stacks at once.

use std::{collections::BTreeSet, sync::PoisonError, time::Duration};

use homeport_service::{Context, telemetry::chain};
use homeport_store::StoreError;

use super::Operations;
use crate::store::{self, Operation};

/// How long an operation waits at most whose turn has come without anyone having noticed, or whose database failed.
const LOOK: Duration = Duration::from_secs(5);

/// Gives a lock back, however the work with it ended.
struct Busy {
    operations: Operations,
    lock: String,
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
            if passed.insert(operation.lock.clone())
                && let Some(busy) = self.occupy(&operation)
            {
                let operations = self.clone();
                context.spawn("operation", async move {
                    operations.0.run(&operation.id).await;
                    drop(busy);
                });
            }
        }
        Ok(())
    }

    fn occupy(&self, operation: &Operation) -> Option<Busy> {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.len() >= self.0.parts.limits.parallel.max(1) || !busy.insert(operation.lock.clone()) {
            return None;
        }
        Some(Busy { operations: self.clone(), lock: operation.lock.clone() })
    }
}
