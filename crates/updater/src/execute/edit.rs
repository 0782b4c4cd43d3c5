//! The files say the new image.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};

use super::{Work, failed, step, update_failed};
use crate::{
    gather,
    plan::{Kind, SavedFile, Values, Way, labels_back, same_reference, value_back},
};

pub(super) struct Edit(pub(super) Arc<Work>);

#[async_trait]
impl Step for Edit {
    fn name(&self) -> &'static str {
        step::EDIT
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for SavedFile { path, before, after } in &work.saved().files {
            work.engine.write_file(path, after.as_bytes(), before.as_bytes()).await.map_err(failed)?;
        }
        let Way::Compose { project, service, .. } = &work.plan().way else { return Ok(()) };
        if work.plan().kind == Kind::Labels {
            // Then the file need not say an image at all.
            return Ok(());
        }
        let resolved = work.engine.resolve(project).await.map_err(failed)?;
        let wanted = &work.plan().image.new_reference;
        match resolved.images.get(service) {
            Some(image) if same_reference(image, wanted) => Ok(()),
            image => Err(StepError::failed(format!(
                "compose would start {} and not {wanted}: something else than the changed files says the image",
                image.map_or("nothing", String::as_str)
            ))),
        }
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        for file in &self.0.saved().files {
            self.0.put_back(file).await?;
        }
        Ok(())
    }
}

impl Work {
    async fn put_back(&self, file: &SavedFile) -> Result<(), StepError> {
        let present = self.engine.read_file(&file.path).await.map_err(failed)?.unwrap_or_default();
        if present == file.before.as_bytes() {
            return Ok(());
        }
        if present == file.after.as_bytes() {
            return self.engine.write_file(&file.path, file.before.as_bytes(), &present).await.map_err(failed);
        }
        // A person has changed it since we did: their changes stay, only our value goes.
        let files =
            async |project, service| gather::files(self.engine.as_ref(), project, service).await.map_err(update_failed);
        let edits = match (&self.plan().way, &self.saved().values, &self.saved().labels) {
            (_, _, Some(labels)) => {
                labels_back(&files(&labels.project, &labels.service).await?, labels).map_err(StepError::failed)?
            }
            (Way::Compose { project, service, .. }, Some(values), None) => {
                let (before, after) = (values.after.clone(), values.before.clone());
                let back = Values { service: service.clone(), before, after };
                value_back(&files(project, service).await?, &back).map_err(StepError::failed)?
            }
            _ => Vec::new(),
        };
        for SavedFile { path, before, after } in edits {
            self.engine.write_file(&path, after.as_bytes(), before.as_bytes()).await.map_err(failed)?;
        }
        Ok(())
    }
}
