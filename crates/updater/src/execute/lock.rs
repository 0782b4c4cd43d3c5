//! The update locks of the application: nothing of it is stopped while it holds one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, failed, step};
use crate::engine::{Source, UpdateLock};

/// Between the first two looks at a lock. Doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Between two looks at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Takes them, after everything was fetched and before anything is stopped.
pub(super) struct Lock(pub(super) Arc<Work>);

/// Gives them back once the new version has proved itself.
pub(super) struct Unlock(pub(super) Arc<Work>);

/// What became of the application's locks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Locked {
    /// Those that were broken by force, in words.
    pub broken: Vec<String>,
}

#[async_trait]
impl Step for Lock {
    fn name(&self) -> &'static str {
        step::LOCK
    }

    fn only_waits(&self) -> bool {
        true
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let mut pause = FIRST_PAUSE;
        loop {
            let forced = work.tools.forced.of(&work.id);
            let by_force = work.plan().force || forced.is_set();
            let taken = work.engine.take_locks(&work.lock_directories(), by_force).await.map_err(failed)?;
            if taken.held.is_empty() {
                let broken: Vec<String> = taken.broken.iter().map(|lock| work.told(lock)).collect();
                if !broken.is_empty() {
                    let broken = broken.join("; ");
                    tracing::warn!(operation.id = work.id, broken, "update locks were broken by force");
                }
                return scope.record(&Locked { broken }).await;
            }
            let held: Vec<String> = taken.held.iter().map(|lock| work.told(lock)).collect();
            let held = held.join("; ");
            tracing::info!(operation.id = work.id, held, "waits for an update lock");
            scope.progress(100, &format!("waits for the update lock of {held} (use force to break it)"));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = forced.set() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        self.0.release_locks().await
    }
}

#[async_trait]
impl Step for Unlock {
    fn name(&self) -> &'static str {
        step::UNLOCK
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        self.0.release_locks().await
    }
}

impl Work {
    fn lock_directories(&self) -> Vec<Source> {
        self.plan().locks.iter().map(|place| place.directory.clone()).collect()
    }

    async fn release_locks(&self) -> Result<(), StepError> {
        self.engine.release_locks(&self.lock_directories()).await.map_err(failed)
    }

    /// A lock, for a person.
    fn told(&self, lock: &UpdateLock) -> String {
        let container = self.plan().locks.get(lock.directory).map_or("?", |place| place.container.as_str());
        let since = lock.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let content = if lock.content.is_empty() { String::new() } else { format!(": {}", lock.content) };
        format!("{container} ({}, uid {}{since}{content})", lock.file, lock.uid)
    }
}
