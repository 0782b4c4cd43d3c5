//! What a digest stands for, and which image it leads to on one platform.

use homeport_image_ref::{DOCKER_HUB, Digest, Reference};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{
    Client, Freshness, RegistryError,
    budget::{Cost, Urgency},
    host::{Answer, Question},
};

/// Manifests and lists of them, as Docker and OCI name them. A registry that is asked for one of them alone may answer
/// with the digest of another one, or say that there is none.
const TYPES: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// Manifests have a few KiB; registries themselves refuse what is larger.
const MAX_BYTES: usize = 4 << 20;

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

/// What a digest stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Manifest {
    /// Images for some platforms.
    Index(Vec<Entry>),
    /// One image: the digest of its configuration, which is its id.
    Image(String),
}

/// An image of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Of its manifest.
    digest: String,
    platform: EntryPlatform,
}

/// What an image is for. Docker Hub writes `null` where there is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntryPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

/// An index or a manifest, as registries send it.
#[derive(Deserialize)]
struct Sent {
    /// Of an index.
    manifests: Option<Vec<SentEntry>>,
    /// Of a manifest.
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct SentEntry {
    digest: String,
    #[serde(default)]
    platform: EntryPlatform,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

impl Manifest {
    /// Reads what a registry sent. None: it is neither.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let sent: Sent = serde_json::from_slice(body).ok()?;
        let Some(entries) = sent.manifests else { return sent.config.map(|config| Self::Image(config.digest)) };
        // Attestations stand in the index as images of no platform.
        let images = entries.into_iter().filter(|entry| !entry.annotations.contains_key(REFERENCE_TYPE));
        let images = images.map(|SentEntry { digest, platform, .. }| Entry { digest, platform });
        Some(Self::Index(images.collect()))
    }
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
        let top = reference.digest().map(ToString::to_string).unwrap_or_default();
        let (digest, id) = match self.manifest(reference, &top).await? {
            Manifest::Image(id) => (top, id),
            Manifest::Index(entries) => {
                let entry = entries.into_iter().find(|entry| entry.platform.suits(platform));
                let digest = entry.map(|entry| entry.digest).ok_or_else(|| RegistryError::NotFound {
                    registry: reference.registry().to_owned(),
                    what: format!("{} for {}/{}", reference.familiar(), platform.os, platform.architecture),
                })?;
                match self.manifest(reference, &digest).await? {
                    Manifest::Image(id) => (digest, id),
                    Manifest::Index(_) => return Err(malformed(reference, "an image in its index is an index")),
                }
            }
        };
        Ok(id == image_id || digests.iter().any(|own| own.as_str() == digest))
    }

    /// Whether a digest leads to an image for a platform at all. What is no index is taken to be for any.
    ///
    /// As [`Client::leads_to`] it asks for the manifest in full, once; but for Docker Hub, whose own interface tells it
    /// without that being a pull. There the reference has the tag besides the digest.
    pub async fn is_for(&self, reference: &Reference, platform: &Platform) -> Result<bool, RegistryError> {
        if reference.registry() == DOCKER_HUB {
            return if self.has_hub() { self.is_on_hub_for(reference, platform).await } else { Ok(true) };
        }
        let digest = reference.digest().map(ToString::to_string).unwrap_or_default();
        Ok(match self.manifest(reference, &digest).await? {
            Manifest::Image(_) => true,
            Manifest::Index(entries) => entries.iter().any(|entry| entry.platform.suits(platform)),
        })
    }

    /// What a digest stands for in the reference's repository.
    async fn manifest(&self, reference: &Reference, digest: &str) -> Result<Manifest, RegistryError> {
        let key = key(reference, digest);
        self.manifests().get(&key, Freshness::Remembered, |_| self.fetch_manifest(reference, digest)).await
    }

    async fn fetch_manifest(&self, reference: &Reference, digest: &str) -> Result<Manifest, RegistryError> {
        let answer = self.ask_manifest(reference, digest, Method::GET, Urgency::Background).await?;
        Manifest::read(&answer.body).ok_or_else(|| malformed(reference, "it is no manifest"))
    }

    /// Asks for the manifest of a tag or digest, or with HEAD for its digest alone.
    pub(super) async fn ask_manifest(
        &self,
        reference: &Reference,
        which: &str,
        method: Method,
        urgency: Urgency,
    ) -> Result<Answer, RegistryError> {
        let question = Question {
            cost: if method == Method::HEAD { Cost::Question } else { Cost::Pull },
            method,
            path: &format!("/v2/{}/manifests/{which}", reference.repository()),
            accept: TYPES,
            repository: reference.repository(),
            what: &reference.familiar(),
            max_bytes: MAX_BYTES,
            urgency,
            known: None,
        };
        self.host(reference.registry())?.ask(&question).await
    }
}

/// By what the answer about a tag or digest is remembered.
pub(super) fn key(reference: &Reference, which: &str) -> String {
    format!("{}@{which}", reference.name())
}

impl EntryPlatform {
    pub(super) fn suits(&self, platform: &Platform) -> bool {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let variant = text(&self.variant);
        let same_variant = variant == platform.variant || variant.is_empty() || platform.variant.is_empty();
        text(&self.os) == platform.os && text(&self.architecture) == platform.architecture && same_variant
    }
}

pub(super) fn malformed(reference: &Reference, problem: &str) -> RegistryError {
    RegistryError::Malformed {
        registry: reference.registry().to_owned(),
        what: reference.familiar(),
        problem: problem.to_owned(),
    }
}
