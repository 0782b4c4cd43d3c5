//! Where tags and digests come from: a registry, or a list that somebody hands over.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use homeport_image_ref::{Digest, Reference, Tag};
use homeport_service::telemetry::chain;

use super::decide::Open;
use crate::registry::{Client, Freshness, RegistryError, TagList};

/// Answers what an examination asks. The same questions decide, whoever answers them.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// The tags of a repository.
    async fn tags(&self, repository: &Reference) -> Result<Arc<TagList>, RegistryError>;

    /// The digest that a tag points at. None: whoever made the list did not say.
    async fn digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError>;

    /// The same for a tag that may be offered, and whether it leads to an image that can run where the present one does.
    /// Where that cannot be found out it does.
    async fn candidate(&self, reference: &Reference, open: &Open) -> Result<(Option<Digest>, bool), RegistryError>;

    /// The same for a tag that only gives the present one a name. That changes seldom, so that an older answer will do.
    async fn name_digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError>;

    /// Whether a digest leads to the image that runs. Where that cannot be found out it does not.
    async fn leads_to_running(&self, reference: &Reference, open: &Open) -> bool;
}

/// A registry, with how new its answers must be.
#[derive(Debug)]
pub(super) struct Asked<'c> {
    pub(super) registry: &'c Client,
    pub(super) fresh: Freshness,
}

#[async_trait]
impl Source for Asked<'_> {
    async fn tags(&self, repository: &Reference) -> Result<Arc<TagList>, RegistryError> {
        self.registry.tags(repository, self.fresh).await
    }

    async fn digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        self.registry.digest_as_of(reference, self.fresh).await.map(Some)
    }

    async fn candidate(&self, reference: &Reference, open: &Open) -> Result<(Option<Digest>, bool), RegistryError> {
        if open.platform.architecture.is_empty() {
            return Ok((self.digest(reference).await?, true));
        }
        let digest = self.registry.digest_to_offer(reference, self.fresh).await?;
        let runs = open.runs(&digest) || self.runs_here(&reference.with_digest(digest.clone()), open).await;
        Ok((Some(digest), runs))
    }

    async fn name_digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        self.registry.digest_as_of(reference, Freshness::Within(self.registry.name_lifetime())).await.map(Some)
    }

    async fn leads_to_running(&self, reference: &Reference, open: &Open) -> bool {
        let found = self.registry.leads_to(reference, &open.platform, &open.digests, &open.image_id).await;
        found.unwrap_or_else(|error| {
            tracing::debug!(image = %reference, error = chain(&error), "it is not known which image an index leads to");
            false
        })
    }
}

impl Asked<'_> {
    async fn runs_here(&self, reference: &Reference, open: &Open) -> bool {
        self.registry.is_for(reference, &open.platform).await.unwrap_or_else(|error| {
            tracing::debug!(image = %reference, error = chain(&error), "it is not known for which platforms an image is");
            true
        })
    }
}

/// A list of tags, some of them with their digest: `1.26.3` or `1.26.3@sha256:…`.
#[derive(Debug)]
pub(super) struct Listed {
    tags: Arc<TagList>,
    digests: BTreeMap<String, Digest>,
}

impl Listed {
    /// Reads the list. What is no tag is left out.
    pub(super) fn new<'t>(lines: impl IntoIterator<Item = &'t str>) -> Self {
        let (mut tags, mut digests) = (Vec::new(), BTreeMap::new());
        for line in lines {
            let (tag, digest) = line.split_once('@').unwrap_or((line, ""));
            if !Tag::is_valid(tag) {
                continue;
            }
            tags.push(Tag::parse(tag));
            if let Ok(digest) = digest.parse() {
                digests.insert(tag.to_owned(), digest);
            }
        }
        Self { tags: Arc::new(TagList::new(tags)), digests }
    }

    /// The tags in it.
    pub(super) fn list(&self) -> &[Tag] {
        &self.tags.tags
    }
}

#[async_trait]
impl Source for Listed {
    async fn tags(&self, _repository: &Reference) -> Result<Arc<TagList>, RegistryError> {
        Ok(self.tags.clone())
    }

    async fn digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        Ok(reference.tag().and_then(|tag| self.digests.get(tag)).cloned())
    }

    async fn candidate(&self, reference: &Reference, _open: &Open) -> Result<(Option<Digest>, bool), RegistryError> {
        Ok((self.digest(reference).await?, true))
    }

    async fn name_digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        self.digest(reference).await
    }

    async fn leads_to_running(&self, _reference: &Reference, _open: &Open) -> bool {
        false
    }
}
