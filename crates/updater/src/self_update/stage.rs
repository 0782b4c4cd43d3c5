//! Up to the point where anything stops: images kept and tagged, new containers made, files edited.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, failed, step};
use crate::{execute::describe, plan::SavedFile};

/// Everything is as it was planned for; after an undo, the old version serves.
pub(super) struct Validate(pub(super) Arc<Work>);

/// The old images keep tags of their own.
pub(super) struct KeepImages(pub(super) Arc<Work>);

/// The tags point at the new images.
pub(super) struct Tag(pub(super) Arc<Work>);

/// The new containers beside the old ones, not started.
pub(super) struct Create(pub(super) Arc<Work>);

/// The files say the new images.
pub(super) struct Edit(pub(super) Arc<Work>);

/// What the tags pointed at before, by reference. None: at nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Tagged {
    before: BTreeMap<String, Option<String>>,
}

#[async_trait]
impl Step for Validate {
    fn name(&self) -> &'static str {
        step::VALIDATE
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for part in &work.job.parts {
            let old = work.old(part).await?;
            if old.name != part.container.name || old.image_id != part.old_id {
                return Err(StepError::failed(format!(
                    "container {} is not the one any more that this was planned for",
                    part.container.name
                )));
            }
        }
        for file in &work.job.files {
            let present = work.engine.read_file(&file.path).await.map_err(failed)?;
            if present.as_deref() != Some(file.before.as_bytes()) {
                return Err(StepError::failed(format!("{} was changed by someone in the meantime", file.path)));
            }
        }
        Ok(())
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        self.0.prove_old(scope).await
    }
}

#[async_trait]
impl Step for KeepImages {
    fn name(&self) -> &'static str {
        step::KEEP_IMAGES
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for part in &self.0.job.parts {
            let names = self.0.names(part);
            let kept = self.0.engine.tag(&part.old_id, &names.kept_repository, &names.kept_tag);
            kept.await.map_err(failed)?;
        }
        Ok(())
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for part in &self.0.job.parts {
            self.0.engine.untag(&self.0.names(part).kept_image()).await.map_err(failed)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Tag {
    fn name(&self) -> &'static str {
        step::TAG
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let mut tagged = Tagged::default();
        for part in &work.job.parts {
            let reference = format!("{}:{}", part.repository, part.tag);
            let before = work.engine.image(&reference).await.map_err(failed)?.map(|image| image.id);
            tagged.before.entry(reference).or_insert(before);
        }
        scope.record(&tagged).await?;
        for part in &work.job.parts {
            work.engine.tag(&part.new_id, &part.repository, &part.tag).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let tagged: Tagged = scope.data(step::TAG)?.unwrap_or_default();
        for part in &work.job.parts {
            let reference = format!("{}:{}", part.repository, part.tag);
            let Some(before) = tagged.before.get(&reference) else { continue };
            let now = work.engine.image(&reference).await.map_err(failed)?.map(|image| image.id);
            if now.as_ref() != Some(&part.new_id) || now == *before {
                continue;
            }
            match before {
                Some(before) => work.engine.tag(before, &part.repository, &part.tag).await.map_err(failed)?,
                None => work.engine.untag(&reference).await.map_err(failed)?,
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Create {
    fn name(&self) -> &'static str {
        step::CREATE
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for part in &work.job.parts {
            let name = work.names(part).replacement;
            let made = work.engine.create_replacement(&part.inspect_json, &part.new_reference, &name, &work.job.id);
            let (id, differences) = made.await.map_err(failed)?;
            if !differences.is_empty() && !work.job.force {
                return Err(StepError::failed(format!(
                    "the new container {} would not equal the old one: {} (use force to accept that)",
                    part.container.name,
                    describe(&differences).join("; ")
                )));
            }
            let made = work.engine.container(&id).await.map_err(failed)?;
            if made.is_none_or(|made| made.image_id != part.new_id) {
                return Err(StepError::failed(format!(
                    "the tag of {} was moved by someone meanwhile",
                    part.new_reference
                )));
            }
        }
        Ok(())
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for container in self.0.made().await? {
            self.0.engine.remove(&container.id).await.map_err(failed)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Edit {
    fn name(&self) -> &'static str {
        step::EDIT
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for SavedFile { path, before, after } in &self.0.job.files {
            self.0.engine.write_file(path, after.as_bytes(), before.as_bytes()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for SavedFile { path, before, after } in &self.0.job.files {
            let present = self.0.engine.read_file(path).await.map_err(failed)?.unwrap_or_default();
            if present == after.as_bytes() {
                self.0.engine.write_file(path, before.as_bytes(), &present).await.map_err(failed)?;
            } else if present != before.as_bytes() {
                return Err(StepError::failed(format!(
                    "{path} was changed by someone in the meantime; set the version of Homeport back there by hand"
                )));
            }
        }
        Ok(())
    }
}
