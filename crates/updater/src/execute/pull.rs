//! The new image: fetched by its digest, then given its tag.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};

use super::{Work, failed, step};
use crate::{
    engine::{EngineError, EngineErrorKind, Image, OnProgress, Pull as Request},
    plan::ImageSource,
};

/// How often an image is asked for.
const TRIES: u32 = 3;

pub(super) struct Pull(pub(super) Arc<Work>);

/// What the tag and the image were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pulled {
    /// The image that the tag pointed at before. None: at none.
    pub(super) before: Option<String>,
    /// `sha256:…` of the new image. None: it is not here yet.
    pub(super) image_id: Option<String>,
}

#[async_trait]
impl Step for Pull {
    fn name(&self) -> &'static str {
        step::PULL
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let image = &work.plan().image;
        let before = match work.new_tag() {
            Some(reference) => work.engine.image(&reference).await.map_err(failed)?.map(|image| image.id),
            None => None,
        };
        let mut pulled = Pulled { before, image_id: None };
        scope.record(&pulled).await?;
        let new = work.fetch(scope).await?;
        pulled.image_id = Some(new.id.clone());
        scope.record(&pulled).await?;
        match &image.tag {
            Some(tag) => work.engine.tag(&new.id, &image.repository, tag).await.map_err(failed),
            None => Ok(()),
        }
    }

    /// The tag points where it did before.
    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let Pulled { before, image_id } = scope.data(step::PULL)?.unwrap_or_default();
        let (Some(reference), Some(tag), Some(new)) = (work.new_tag(), &work.plan().image.tag, image_id) else {
            return Ok(());
        };
        let present = work.engine.image(&reference).await.map_err(failed)?.map(|image| image.id);
        if present.as_deref() != Some(new.as_str()) {
            return Ok(());
        }
        match before {
            Some(before) if before == new => Ok(()),
            Some(before) => {
                // An image that nothing but this tag kept may have been cleaned up. The old one has a tag of its own.
                match work.engine.tag(&before, &work.plan().image.repository, tag).await {
                    Err(error) if error.kind == EngineErrorKind::NotFound && !work.is_same_tag() => Ok(()),
                    result => result.map_err(failed),
                }
            }
            None => work.engine.untag(&reference).await.map_err(failed),
        }
    }
}

impl Work {
    /// The reference of the tag that the new image gets.
    fn new_tag(&self) -> Option<String> {
        let image = &self.plan().image;
        image.tag.as_ref().map(|tag| format!("{}:{tag}", image.repository))
    }

    async fn fetch(&self, scope: &Scope<'_>) -> Result<Image, StepError> {
        let image = &self.plan().image;
        let on_progress = |percent: u32, message: &str| scope.progress(percent, message);
        match &image.source {
            ImageSource::Registry { digest } => {
                let request = Request { repository: image.repository.clone(), digest: digest.clone() };
                self.pull(&request, &on_progress).await.map_err(|error| unknown(error, &image.new_reference))
            }
            ImageSource::Kept { image_id, digests } => {
                if let Some(kept) = self.engine.image(image_id).await.map_err(failed)? {
                    return Ok(kept);
                }
                let digest = digests.iter().find_map(|digest| digest.split_once('@'));
                let (repository, digest) = digest.ok_or_else(|| {
                    StepError::failed(format!("the image {} was built here and is gone", image.new_reference))
                })?;
                let request = Request { repository: repository.to_owned(), digest: digest.to_owned() };
                self.pull(&request, &on_progress).await.map_err(|error| unknown(error, &image.new_reference))
            }
        }
    }
}

impl Work {
    /// Three tries: registries and the ways to them fail for a second at times. What will not be otherwise in a second is
    /// not asked for again.
    async fn pull(&self, request: &Request, on_progress: OnProgress<'_>) -> Result<Image, EngineError> {
        let mut pause = self.tools.pull_pause;
        for _ in 1..TRIES {
            match self.engine.pull(request, on_progress).await {
                Err(error) if matches!(error.kind, EngineErrorKind::Away | EngineErrorKind::Other) => {
                    tracing::warn!(operation.id = self.id, error = %error, "pulling failed; trying again");
                }
                result => return result,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.engine.pull(request, on_progress).await
    }
}

fn unknown(error: EngineError, reference: &str) -> StepError {
    match error.kind {
        EngineErrorKind::NotFound => {
            StepError::failed(format!("image tag does not exist on the registry: {reference} ({})", error.message))
        }
        _ => failed(error),
    }
}
