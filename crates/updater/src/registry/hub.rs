//! Docker Hub's own interface. It tells for which platforms the images of a tag are, which its registry only tells in
//! answers that count as pulls.

use homeport_image_ref::{DOCKER_HUB, Reference};
use reqwest::Method;
use serde::Deserialize;

use super::{
    Client, Freshness, Platform, RegistryError,
    budget::{Cost, Urgency},
    endpoint::{Endpoint, rewritten},
    host::Question,
    manifest::EntryPlatform,
};

/// Where it is.
const HUB: &str = "hub.docker.com";
/// A tag with a hundred images has some 50 KiB.
const MAX_TAG_BYTES: usize = 1 << 20;

/// A tag as Docker Hub shows it.
#[derive(Deserialize)]
struct HubTag {
    /// Of its index or manifest.
    digest: Option<String>,
    #[serde(default)]
    images: Vec<EntryPlatform>,
}

impl Client {
    /// Whether a tag of Docker Hub leads to an image for a platform. One without images leads to none. An error where that
    /// cannot be told, also where the tag has moved to another digest than the reference's.
    pub(super) async fn is_on_hub_for(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<bool, RegistryError> {
        let Platform { os, architecture, variant } = platform;
        let key = format!("{reference} {os}/{architecture}/{variant}");
        self.platforms().get(&key, Freshness::Remembered, |_| self.fetch_platform(reference, platform)).await
    }

    /// Whether Docker Hub itself is meant by its name, rather than a mirror of it that knows no such interface.
    pub(super) fn has_hub(&self) -> bool {
        let config = self.config();
        Endpoint::of(DOCKER_HUB, config) == Endpoint::of(DOCKER_HUB, &super::RegistryConfig::default())
            || rewritten(HUB, config).is_some()
    }

    async fn fetch_platform(&self, reference: &Reference, platform: &Platform) -> Result<bool, RegistryError> {
        let (host, what) = (self.host(HUB)?, reference.familiar());
        let (namespace, repository) = reference.repository().split_once('/').unwrap_or(("library", ""));
        let tag = reference.tag().unwrap_or_default();
        let question = Question {
            method: Method::GET,
            path: &format!("/v2/namespaces/{namespace}/repositories/{repository}/tags/{tag}"),
            accept: "application/json",
            repository: reference.repository(),
            what: &what,
            max_bytes: MAX_TAG_BYTES,
            cost: Cost::Question,
            urgency: Urgency::Background,
            known: None,
        };
        let answer = host.ask(&question).await?;
        let shown: HubTag = serde_json::from_slice(&answer.body)
            .map_err(|error| host.malformed(&question, format!("it is no tag ({error})")))?;
        let wanted = reference.digest().map(homeport_image_ref::Digest::as_str);
        if shown.digest.as_deref().is_some_and(|digest| Some(digest) != wanted) {
            return Err(host.malformed(&question, "it points at another image by now".to_owned()));
        }
        Ok(shown.images.iter().any(|image| image.suits(platform)))
    }
}
