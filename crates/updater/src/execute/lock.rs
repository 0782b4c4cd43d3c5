//! The update locks of the application: nothing of it is stopped while it holds one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, failed, step};
use crate::{
    engine::{Source, UpdateLock},
    plan::{Kind, LockPlace},
};

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
    #[serde(default)]
    pub broken: Vec<String>,
    /// Those that were in the way of what does not wait for them, in words.
    #[serde(default)]
    pub held: Vec<String>,
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
            let by_force = work.plan().force || forced.is_set() || work.tools.lock_override;
            let taken = work.engine.take_locks(&work.lock_directories(), by_force).await.map_err(failed)?;
            if taken.held.is_empty() {
                let broken = told(&taken.broken, &work.plan().locks);
                if !broken.is_empty() {
                    let broken = broken.join("; ");
                    tracing::warn!(operation.id = work.id, broken, "update locks were broken by force");
                }
                return scope.record(&Locked { broken, held: Vec::new() }).await;
            }
            let held = told(&taken.held, &work.plan().locks);
            // Whoever asks for a restart waits for the answer; an update comes by itself later.
            if work.plan().kind == Kind::Restart {
                let error = StepError::failed(refusal(&held));
                scope.record(&Locked { broken: Vec::new(), held }).await?;
                return Err(error);
            }
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
}

/// Locks, for a person.
pub(crate) fn told(locks: &[UpdateLock], places: &[LockPlace]) -> Vec<String> {
    let told = |lock: &UpdateLock| {
        let container = places.get(lock.directory).map_or("?", |place| place.container.as_str());
        let since = lock.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let content = if lock.content.is_empty() { String::new() } else { format!(": {}", lock.content) };
        format!("{container} ({}, uid {}{since}{content})", lock.file, lock.uid)
    };
    locks.iter().map(told).collect()
}

/// Why something is not done while locks are held.
pub(crate) fn refusal(held: &[String]) -> String {
    format!("Lockfile exists: the update lock of {} is held (use force to break it)", held.join("; "))
}
