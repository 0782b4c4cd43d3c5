//! Images: inspected, pulled, and tagged.

mod credential;
mod progress;
mod pull;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use serde_json::Value;

pub(crate) use credential::Credentials;
pub(crate) use pull::{Pull, PullStep};

use crate::{engine::Engine, error::EngineError, name};

/// Descriptions of images by id, which change only in the tags and digests that point at them.
///
/// Bounded at 512 entries of some kilobytes; when full it starts anew, which costs one request per image in use.
#[derive(Clone)]
pub(crate) struct ImageCache {
    engine: Engine,
    by_id: Arc<Mutex<HashMap<String, Arc<Value>>>>,
}

const MAX_CACHED: usize = 512;

impl ImageCache {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, by_id: Arc::default() }
    }

    /// The description of an image by id; null if it is gone.
    pub(crate) async fn of(&self, id: &str) -> Result<Arc<Value>, EngineError> {
        if id.is_empty() {
            return Ok(Arc::default());
        }
        if let Some(known) = self.lock().get(id) {
            return Ok(known.clone());
        }
        let image = match inspect(&self.engine, id).await {
            Ok(image) => Arc::new(image),
            Err(error) if error.is_not_found() => return Ok(Arc::default()),
            Err(error) => return Err(error),
        };
        let mut cache = self.lock();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(id.to_owned(), image.clone());
        Ok(image)
    }

    /// Some image got or lost a tag or digest.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Value>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The description of an image by id or reference.
pub(crate) async fn inspect(engine: &Engine, reference: &str) -> Result<Value, EngineError> {
    let path = format!("/images/{}/json", name::image(reference)?);
    engine.get(&format!("inspecting image {reference}"), &path).await
}

/// All images, described.
pub(crate) async fn list(engine: &Engine) -> Result<Vec<Value>, EngineError> {
    let list = engine.get("listing images", "/images/json").await?;
    Ok(list.as_array().cloned().unwrap_or_default())
}

/// Points a tag at an image, moving it if it exists.
pub(crate) async fn tag(engine: &Engine, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
    let (image, repository) = (name::image(image)?, name::image(repository)?);
    let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
    engine
        .ask(&format!("tagging image {image} as {repository}:{tag}"), |docker| async move {
            docker.tag_image(image, Some(options)).await
        })
        .await
}

/// Takes a tag away. One that is not there is no error, and an image that containers use stays without its tag.
pub(crate) async fn untag(engine: &Engine, reference: &str) -> Result<(), EngineError> {
    let reference = name::image(reference)?;
    // An id would remove the image with all of its tags.
    if reference.starts_with("sha256:") || !reference.rsplit('/').next().is_some_and(|end| end.contains(':')) {
        return Err(EngineError::Argument(format!(
            "'{reference}' is no tag; it needs a repository, a colon and a tag"
        )));
    }
    let options = RemoveImageOptionsBuilder::default().force(false).noprune(false).build();
    let removed = engine
        .ask(&format!("removing the tag {reference}"), |docker| async move {
            docker.remove_image(reference, Some(options), None).await
        })
        .await;
    match removed {
        Err(error) if error.is_not_found() => Ok(()),
        result => result.map(drop),
    }
}
