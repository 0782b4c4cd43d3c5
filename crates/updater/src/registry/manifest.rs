//! Which image a digest leads to on one platform.

use homeport_image_ref::{DOCKER_HUB, Digest, Reference};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{
    Client, Freshness, RegistryError,
    budget::{Cost, Urgency},
    client::{MANIFEST_TYPES, MAX_MANIFEST_BYTES},
    host::Question,
};

/// Annotation of manifests that say something about another one, such as how it was built.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// What an image was built for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `arm64`.
    pub architecture: String,
    /// Such as `v7`; empty where there is none.
    pub variant: String,
}

/// An image: what its manifest and its configuration hash to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Image {
    manifest: String,
    config: String,
}

#[derive(Deserialize)]
struct Manifest {
    /// Of an index.
    manifests: Option<Vec<Entry>>,
    /// Of a manifest.
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    platform: EntryPlatform,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// What an image is for. Docker Hub writes `null` where there is nothing.
#[derive(Default, Deserialize)]
pub(super) struct EntryPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl Client {
    /// Whether a digest leads to a certain image on a platform: to the one of these digests or of this id. An index also
    /// changes when it is rebuilt for other platforms alone, or when only what is said about it changes.
    ///
    /// Manifests are asked for in full, which registries count as pulls; each once, because it never changes.
    pub async fn leads_to(
        &self,
        reference: &Reference,
        platform: &Platform,
        digests: &[Digest],
        image_id: &str,
    ) -> Result<bool, RegistryError> {
        let image = self.image(reference, platform).await?;
        Ok(image.config == image_id || digests.iter().any(|digest| digest.as_str() == image.manifest))
    }

    /// Whether a digest leads to an image for a platform at all. What is no index is taken to be for any.
    ///
    /// As [`Client::leads_to`] it asks for manifests in full, once each; but for Docker Hub, whose own interface tells it
    /// without that being a pull. There the reference has the tag besides the digest.
    pub async fn is_for(&self, reference: &Reference, platform: &Platform) -> Result<bool, RegistryError> {
        if reference.registry() == DOCKER_HUB {
            return if self.has_hub() { self.is_on_hub_for(reference, platform).await } else { Ok(true) };
        }
        let digest = reference.digest().cloned();
        let pinned = digest.map_or_else(|| reference.clone(), |digest| reference.without_tag().with_digest(digest));
        match self.image(&pinned, platform).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn image(&self, reference: &Reference, platform: &Platform) -> Result<Image, RegistryError> {
        let Platform { os, architecture, variant } = platform;
        let key = format!("{reference} {os}/{architecture}/{variant}");
        self.images().get(&key, Freshness::Remembered, |_| self.fetch_image(reference, platform)).await
    }

    async fn fetch_image(&self, reference: &Reference, platform: &Platform) -> Result<Image, RegistryError> {
        let top = reference.digest().map(ToString::to_string).unwrap_or_default();
        let manifest = self.manifest(reference, &top).await?;
        let Some(entries) = manifest.manifests else { return image_of(reference, top, manifest.config) };
        let digest = entries.into_iter().find(|entry| entry.is_for(platform)).map(|entry| entry.digest);
        let digest = digest.ok_or_else(|| RegistryError::NotFound {
            registry: reference.registry().to_owned(),
            what: format!("{} for {}/{}", reference.familiar(), platform.os, platform.architecture),
        })?;
        let manifest = self.manifest(reference, &digest).await?;
        image_of(reference, digest, manifest.config)
    }

    async fn manifest(&self, reference: &Reference, digest: &str) -> Result<Manifest, RegistryError> {
        let host = self.host(reference.registry())?;
        let what = reference.familiar();
        let path = format!("/v2/{}/manifests/{digest}", reference.repository());
        let answer = host
            .ask(&Question {
                method: Method::GET,
                path: &path,
                accept: MANIFEST_TYPES,
                repository: reference.repository(),
                what: &what,
                max_bytes: MAX_MANIFEST_BYTES,
                cost: Cost::Pull,
                urgency: Urgency::Background,
                known: None,
            })
            .await?;
        serde_json::from_slice(&answer.body).map_err(|_| malformed(reference, "it is no manifest"))
    }
}

impl Entry {
    /// Attestations stand in the index as images of no platform.
    fn is_for(&self, platform: &Platform) -> bool {
        !self.annotations.contains_key(REFERENCE_TYPE) && self.platform.suits(platform)
    }
}

impl EntryPlatform {
    pub(super) fn suits(&self, platform: &Platform) -> bool {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let variant = text(&self.variant);
        let same_variant = variant == platform.variant || variant.is_empty() || platform.variant.is_empty();
        text(&self.os) == platform.os && text(&self.architecture) == platform.architecture && same_variant
    }
}

fn image_of(reference: &Reference, manifest: String, config: Option<Descriptor>) -> Result<Image, RegistryError> {
    match config {
        Some(config) => Ok(Image { manifest, config: config.digest }),
        None => Err(malformed(reference, "its manifest names no configuration")),
    }
}

fn malformed(reference: &Reference, problem: &str) -> RegistryError {
    RegistryError::Malformed {
        registry: reference.registry().to_owned(),
        what: reference.familiar(),
        problem: problem.to_owned(),
    }
}
