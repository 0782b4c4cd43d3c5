//! First and last: everything is as it was planned for; after an undo, everything is as it was.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, StepState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Work, failed, is_touched, step};
use crate::plan::{Kind, Run, Way};

pub(super) struct Validate(pub(super) Arc<Work>);

/// What was seen of the container before anything was done to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seen {
    /// When it was started.
    pub(super) started_at: Option<Timestamp>,
    /// Somebody had stopped it between the plan and this look at it.
    #[serde(default)]
    pub(super) was_stopped: bool,
}

#[async_trait]
impl Step for Validate {
    fn name(&self) -> &'static str {
        step::VALIDATE
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let old = work.old_or_gone().await?;
        scope.record(&Seen { started_at: old.started_at, was_stopped: !old.is_up() }).await?;
        if work.plan().container.run == Run::Never && old.is_up() {
            return Err(StepError::failed(format!("container {} was started in the meantime", old.name)));
        }
        // What a person goes back from may have come down.
        if work.plan().container.run == Run::Always && !old.is_up() && work.plan().kind != Kind::Rollback {
            return Err(StepError::failed(format!("container {} was stopped in the meantime", old.name)));
        }
        for file in &work.saved().files {
            let present = work.engine.read_file(&file.path).await.map_err(failed)?;
            if present.as_deref() != Some(file.before.as_bytes()) {
                return Err(StepError::failed(format!("{} was changed in the meantime; try again", file.path)));
            }
        }
        Ok(())
    }

    /// Proves that nothing happened: one container with the old image runs, the files are as they were, and nothing
    /// that the operation made is left.
    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let mut problems = Vec::new();
        let work = &self.0;
        if scope.state(step::HOLD).is_none() {
            match scope.data::<Seen>(step::VALIDATE)? {
                Some(seen) if seen.was_stopped => return Ok(()),
                // Nothing was done to it, but the engine may have died, and the container with it, before it was seen.
                None => return work.start_if_died().await,
                Some(_) => {}
            }
        }
        if step::UNDOABLE.iter().any(|step| matches!(scope.state(step), Some(StepState::Begun | StepState::Done))) {
            // An undo failed for good. That has been told, and everything here would only follow from it.
            return Ok(());
        }
        work.start_if_died().await?;
        work.remove_late().await?;
        work.check_container(scope, &mut problems).await?;
        work.check_files(&mut problems).await?;
        work.check_leftovers(&mut problems).await?;
        if problems.is_empty() { Ok(()) } else { Err(StepError::failed(problems.join("; "))) }
    }
}

impl Work {
    /// The engine may have died with the old container in it, before anything was done to it or after it was back.
    async fn start_if_died(&self) -> Result<(), StepError> {
        if self.plan().container.run != Run::Always {
            return Ok(());
        }
        for subject in self.plan().peers.iter().chain([&self.plan().container]) {
            let present = self.engine.container(&subject.name).await.map_err(failed)?;
            if let Some(old) = present.filter(|old| old.image_id == self.plan().image.old_id && !old.is_up()) {
                self.engine.start(&old.id).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// A container that a compose which was killed had asked for may have been made after everything was cleared away.
    async fn remove_late(&self) -> Result<(), StepError> {
        let present = self.engine.container(&self.plan().container.name).await.map_err(failed)?;
        let Some(present) = present.filter(|present| present.image_id == self.plan().image.old_id) else {
            return Ok(());
        };
        for late in self.others().await.map_err(failed)? {
            if late.id != present.id && late.started_at.is_none() {
                self.engine.remove(&late.id).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    async fn check_container(&self, scope: &Scope<'_>, problems: &mut Vec<String>) -> Result<(), StepError> {
        let (subject, image) = (&self.plan().container, &self.plan().image);
        let Some(present) = self.engine.container(&subject.name).await.map_err(failed)? else {
            // Not ours to bring back if it went before we touched it.
            if is_touched(scope) {
                problems.push(format!("there is no container {}", subject.name));
            }
            return Ok(());
        };
        if present.image_id != image.old_id {
            problems.push(format!("container {} does not run its old image {}", subject.name, image.old_reference));
        }
        let was_stopped = scope.data::<Seen>(step::VALIDATE)?.is_some_and(|seen| seen.was_stopped);
        if subject.run == Run::Always && !present.is_up() && !was_stopped {
            problems.push(format!("container {} does not run", subject.name));
        }
        if present.id != subject.id {
            let saved = &self.saved().inspect_json;
            let differences = self.engine.compare(saved, &present.inspect_json).await.map_err(failed)?;
            problems.extend(super::describe(&differences));
        }
        let mut others = self.candidates().await.map_err(failed)?;
        others.retain(|container| container.id != present.id && !self.is_old_peer(container));
        for peer in &self.plan().peers {
            let back = self.engine.container(&peer.name).await.map_err(failed)?;
            if is_touched(scope) && !back.is_some_and(|back| self.is_old_peer(&back) && back.is_up()) {
                problems.push(format!("container {} does not run its old version", peer.name));
            }
        }
        problems.extend(others.iter().map(|other| format!("container {} is left over", other.name)));
        Ok(())
    }

    async fn check_files(&self, problems: &mut Vec<String>) -> Result<(), StepError> {
        for file in &self.saved().files {
            let present = self.engine.read_file(&file.path).await.map_err(failed)?;
            if present.as_deref() == Some(file.after.as_bytes()) {
                problems.push(format!("{} still says the new image", file.path));
            }
        }
        Ok(())
    }

    async fn check_leftovers(&self, problems: &mut Vec<String>) -> Result<(), StepError> {
        if self.plan().way == Way::Replace {
            for name in [&self.names.replacement, &self.names.aside] {
                if self.engine.container(name).await.map_err(failed)?.is_some() {
                    problems.push(format!("container {name} is left over"));
                }
            }
        }
        if self.plan().has_data() && self.engine.snapshots().await.map_err(failed)?.contains(&self.names.snapshot) {
            problems.push(format!("the copy of the data {} is left over", self.names.snapshot));
        }
        if self.engine.image(&self.names.kept_image()).await.map_err(failed)?.is_some() {
            problems.push(format!("the tag {} is left over", self.names.kept_image()));
        }
        Ok(())
    }
}
