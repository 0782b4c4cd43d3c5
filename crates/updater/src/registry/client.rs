//! The questions that updates have for a registry.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use homeport_image_ref::{Digest, Reference, Tag};
use reqwest::Method;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    Credentials, RegistryConfig, RegistryError, SetupError,
    cache::Cache,
    endpoint::Endpoint,
    host::{Host, Question},
    http, page,
};

/// Manifests and lists of them, as Docker and OCI name them. A registry that is asked for one of them alone may answer
/// with the digest of another one, or say that there is none.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// Header with the digest of a manifest.
const DIGEST_HEADER: &str = "docker-content-digest";

/// Manifests have a few KiB; registries themselves refuse what is larger.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// A page of 1000 tags of 128 characters each, and room for registries that send all at once.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Tags asked for with each page. Registries give fewer if they like.
const PAGE_TAGS: usize = 1000;

/// Pages that are read of one list; the busiest repositories have some dozens.
const MAX_PAGES: usize = 100;

/// Tags that are kept of one list.
const MAX_TAGS: usize = 100_000;

/// How new an answer must be.
#[derive(Debug, Clone, Copy)]
pub enum Freshness {
    /// As new as the settings say.
    Remembered,
    /// Given after this instant.
    Since(Instant),
}

/// The tags of a repository, in the registry's order.
#[derive(Debug, Default)]
pub struct TagList {
    /// The tags.
    pub tags: Vec<Tag>,
    /// There are more than [`TagList::tags`]: the list was longer than 100 pages or 100000 tags.
    pub truncated: bool,
}

/// Asks registries, remembers what they said, and spares them. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: RegistryConfig,
    http: reqwest::Client,
    credentials: Arc<dyn Credentials>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    tags: Cache<String, Arc<TagList>>,
    digests: Cache<String, Digest>,
}

/// A page of a list of tags.
#[derive(Deserialize)]
struct TagsAnswer {
    tags: Option<Vec<String>>,
}

impl Client {
    /// A client that is who `credentials` says.
    pub fn new(config: &RegistryConfig, credentials: Arc<dyn Credentials>) -> Result<Self, SetupError> {
        let inner = Inner {
            http: http::client(config)?,
            credentials,
            hosts: Mutex::default(),
            tags: Cache::new(config.tags_lifetime()),
            digests: Cache::new(config.digest_lifetime()),
            config: config.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The digest that a reference's tag points at now or, at most, as long ago as digests are remembered. A reference
    /// that has a digest and no tag gives that digest, if it exists.
    pub async fn digest(&self, reference: &Reference) -> Result<Digest, RegistryError> {
        self.digest_as_of(reference, Freshness::Remembered).await
    }

    /// The digest, as new as asked.
    pub async fn digest_as_of(&self, reference: &Reference, fresh: Freshness) -> Result<Digest, RegistryError> {
        let which = reference
            .tag_or_latest()
            .map_or_else(|| reference.digest().map_or_else(String::new, ToString::to_string), str::to_owned);
        let key = format!("{}@{which}", reference.name());
        self.inner.digests.get(&key, fresh, self.fetch_digest(reference, &which)).await
    }

    /// The tags of a reference's repository, as new as asked.
    pub async fn tags(&self, reference: &Reference, fresh: Freshness) -> Result<Arc<TagList>, RegistryError> {
        self.inner.tags.get(&reference.name(), fresh, self.fetch_tags(reference)).await
    }

    /// Asks with HEAD, which registries do not count as a pull, and with GET only where that does not tell.
    async fn fetch_digest(&self, reference: &Reference, which: &str) -> Result<Digest, RegistryError> {
        let host = self.host(reference.registry());
        let what = reference.familiar();
        let path = format!("/v2/{}/manifests/{which}", reference.repository());
        let question = Question {
            method: Method::HEAD,
            path: &path,
            accept: MANIFEST_TYPES,
            repository: reference.repository(),
            what: &what,
            max_bytes: MAX_MANIFEST_BYTES,
        };
        let said = |headers: &reqwest::header::HeaderMap| {
            headers.get(DIGEST_HEADER).and_then(|value| value.to_str().ok()?.parse::<Digest>().ok())
        };
        match host.ask(&question).await {
            Ok(answer) => {
                if let Some(digest) = said(&answer.headers) {
                    return Ok(digest);
                }
            }
            // Some registries do not know HEAD.
            Err(RegistryError::Malformed { .. }) => {}
            Err(error) => return Err(error),
        }
        let question = Question { method: Method::GET, ..question };
        let answer = host.ask(&question).await?;
        let own = sha256(&answer.body);
        match said(&answer.headers) {
            Some(digest) if digest.algorithm() == "sha256" && Some(&digest) != own.as_ref() => {
                Err(host.malformed(&question, format!("its contents do not have the digest {digest} that it states")))
            }
            Some(digest) => Ok(digest),
            None if serde_json::from_slice::<serde_json::Map<_, _>>(&answer.body).is_ok() => {
                own.ok_or_else(|| host.malformed(&question, "it has no digest".to_owned()))
            }
            None => Err(host.malformed(&question, "it is no manifest".to_owned())),
        }
    }

    async fn fetch_tags(&self, reference: &Reference) -> Result<Arc<TagList>, RegistryError> {
        let host = self.host(reference.registry());
        let what = reference.without_tag().familiar();
        let mut next = Some(format!("/v2/{}/tags/list?n={PAGE_TAGS}", reference.repository()));
        let mut list = TagList::default();
        let mut asked = HashSet::new();
        while let Some(path) = next {
            if asked.len() >= MAX_PAGES || list.tags.len() >= MAX_TAGS {
                list.truncated = true;
                list.tags.truncate(MAX_TAGS);
                tracing::warn!(
                    image = what,
                    tags = list.tags.len(),
                    "the list of tags is too long; the rest is not read"
                );
                break;
            }
            let question = Question {
                method: Method::GET,
                path: &path,
                accept: "application/json",
                repository: reference.repository(),
                what: &what,
                max_bytes: MAX_PAGE_BYTES,
            };
            let answer = host.ask(&question).await?;
            let page: TagsAnswer = serde_json::from_slice(&answer.body)
                .map_err(|error| host.malformed(&question, format!("it is no list of tags ({error})")))?;
            let texts = page.tags.unwrap_or_default().into_iter().filter(|text| Tag::is_valid(text));
            list.tags.extend(texts.map(|text| Tag::parse(&text)));
            next = page::next(&answer.headers, &answer.url, host.endpoint())
                .map_err(|problem| host.malformed(&question, problem))?;
            if next.as_ref().is_some_and(|next| *next == path || asked.contains(next)) {
                return Err(host.malformed(&question, "its pages form a circle".to_owned()));
            }
            asked.insert(path);
        }
        Ok(Arc::new(list))
    }

    fn host(&self, registry: &str) -> Arc<Host> {
        let inner = &*self.inner;
        let mut hosts = inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let endpoint = Endpoint::of(registry, &inner.config);
            Arc::new(Host::new(endpoint, inner.config.clone(), inner.http.clone(), inner.credentials.clone()))
        };
        hosts.entry(registry.to_owned()).or_insert_with(make).clone()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

/// The digest of some bytes.
fn sha256(bytes: &[u8]) -> Option<Digest> {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes))).parse().ok()
}
