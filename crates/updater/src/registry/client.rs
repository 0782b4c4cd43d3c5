//! The questions that updates have for a registry.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use homeport_image_ref::{Digest, Reference, Tag};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Credentials, RegistryConfig, RegistryError, SetupError, Transport,
    budget::{Cost, Urgency},
    cache::Cache,
    endpoint::Endpoint,
    host::{Host, Question, Validator},
    http,
    kept::Kept,
    manifest::Manifest,
    page, transport,
};

/// Beginning of a kept question for the tags of a repository.
const TAGS: &str = "tags";

/// Beginning of a kept question for the digest of a tag.
const DIGEST: &str = "digest";

/// Beginning of a kept question for what a digest stands for.
const MANIFEST: &str = "manifest";

/// Beginning of a kept question whether a tag of Docker Hub has an image for a platform.
const PLATFORM: &str = "platform";

/// A page of 1000 tags of 128 characters each, and room for registries that send all at once.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Tags asked for with each page. Registries give fewer if they like.
const PAGE_TAGS: usize = 1000;

/// Pages that are read of one list; the busiest repositories have some dozens.
const MAX_PAGES: usize = 100;

/// Tags after which no further page of a list is read.
const MAX_TAGS: usize = 100_000;

/// How new an answer must be.
#[derive(Debug, Clone, Copy)]
pub enum Freshness {
    /// As new as the settings say.
    Remembered,
    /// The same, or given after this instant: in one check, every question is asked once.
    RememberedOrSince(Instant),
    /// Given no longer ago than this.
    Within(Duration),
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

impl TagList {
    /// A list that is whole.
    pub fn new(tags: Vec<Tag>) -> Self {
        Self { tags, ..Self::default() }
    }
}

/// A list of tags as it is remembered, also on the disk: what their texts say takes ten times the room of the texts.
#[derive(Default, Serialize, Deserialize)]
struct Listing {
    /// A line each.
    tags: String,
    truncated: bool,
    /// By what the registry tells whether the list still holds. None: it does not, or the list has several pages.
    validator: Option<Validator>,
}

/// Asks registries, remembers what they said, and spares them. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: RegistryConfig,
    http: reqwest::Client,
    transport: Arc<dyn Transport>,
    credentials: Arc<dyn Credentials>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    tags: Cache<String, Arc<Listing>>,
    digests: Cache<String, Digest>,
    manifests: Cache<String, Manifest>,
    platforms: Cache<String, bool>,
    /// Answers that were fetched rather than remembered.
    fetched: AtomicU64,
}

/// A page of a list of tags.
#[derive(Deserialize)]
struct TagsAnswer {
    tags: Option<Vec<String>>,
}

impl Client {
    /// A client that is who `credentials` says.
    pub fn new(config: &RegistryConfig, credentials: Arc<dyn Credentials>) -> Result<Self, SetupError> {
        let http = http::client(config)?;
        Ok(Self::with(config, credentials, http.clone(), Arc::new(http)))
    }

    /// The same, with another transport than the network.
    pub fn over(
        transport: Arc<dyn Transport>,
        config: &RegistryConfig,
        credentials: Arc<dyn Credentials>,
    ) -> Result<Self, SetupError> {
        Ok(Self::with(config, credentials, http::client(config)?, transport))
    }

    fn with(
        config: &RegistryConfig,
        credentials: Arc<dyn Credentials>,
        http: reqwest::Client,
        transport: Arc<dyn Transport>,
    ) -> Self {
        let inner = Inner {
            http,
            transport,
            credentials,
            hosts: Mutex::default(),
            tags: Cache::new(config.tags_lifetime()),
            digests: Cache::new(config.digest_lifetime()),
            // What a digest stands for never changes.
            manifests: Cache::new(Duration::MAX),
            platforms: Cache::new(Duration::MAX),
            fetched: AtomicU64::new(0),
            config: config.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How many answers were fetched rather than remembered, since the start.
    pub fn fetched(&self) -> u64 {
        self.inner.fetched.load(Ordering::Relaxed)
    }

    /// How long a digest is remembered that only gives a name to the tag that runs.
    pub fn name_lifetime(&self) -> Duration {
        self.inner.config.name_lifetime()
    }

    /// Takes an answer of an earlier run. What cannot be read is asked again.
    pub(super) fn remember(&self, kept: &Kept) {
        match kept.question.split_once(' ') {
            Some((TAGS, name)) => {
                if let Ok(listing) = serde_json::from_str(&kept.answer) {
                    self.inner.tags.remember(&name.to_owned(), Arc::new(listing), kept.age);
                }
            }
            Some((DIGEST, name)) => {
                if let Ok(digest) = kept.answer.parse() {
                    self.inner.digests.remember(&name.to_owned(), digest, kept.age);
                }
            }
            Some((MANIFEST, name)) => {
                if let Ok(manifest) = serde_json::from_str(&kept.answer) {
                    self.inner.manifests.remember(&name.to_owned(), manifest, kept.age);
                }
            }
            Some((PLATFORM, name)) => {
                if let Ok(is_there) = kept.answer.parse() {
                    self.inner.platforms.remember(&name.to_owned(), is_there, kept.age);
                }
            }
            _ => {}
        }
    }

    /// Answers that are not on the disk yet.
    pub(super) fn unsaved(&self) -> Vec<Kept> {
        let tags = self.inner.tags.unsaved().into_iter().filter_map(|(name, listing, age)| {
            Some(Kept { question: format!("{TAGS} {name}"), answer: serde_json::to_string(&*listing).ok()?, age })
        });
        let digests = self.inner.digests.unsaved().into_iter();
        let digests = digests.map(|(name, digest, age)| Kept {
            question: format!("{DIGEST} {name}"),
            answer: digest.to_string(),
            age,
        });
        let manifests = self.inner.manifests.unsaved().into_iter().filter_map(|(name, manifest, age)| {
            Some(Kept { question: format!("{MANIFEST} {name}"), answer: serde_json::to_string(&manifest).ok()?, age })
        });
        let platforms = self.inner.platforms.unsaved().into_iter();
        let platforms = platforms.map(|(name, is_there, age)| Kept {
            question: format!("{PLATFORM} {name}"),
            answer: is_there.to_string(),
            age,
        });
        tags.chain(digests).chain(manifests).chain(platforms).collect()
    }

    /// The tags of a reference's repository, as new as asked.
    pub async fn tags(&self, reference: &Reference, fresh: Freshness) -> Result<Arc<TagList>, RegistryError> {
        let fetch = |known| self.counted(self.fetch_tags(reference, urgency(fresh), known));
        let listing = self.inner.tags.get(&reference.name(), fresh, fetch).await?;
        Ok(Arc::new(TagList { tags: listing.tags.lines().map(Tag::parse).collect(), truncated: listing.truncated }))
    }

    /// Counts an answer that is fetched.
    pub(super) async fn counted<T>(
        &self,
        fetch: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let answer = fetch.await;
        if answer.is_ok() {
            self.inner.fetched.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    async fn fetch_tags(
        &self,
        reference: &Reference,
        urgency: Urgency,
        known: Option<Arc<Listing>>,
    ) -> Result<Arc<Listing>, RegistryError> {
        let host = self.host(reference.registry())?;
        let what = reference.without_tag().familiar();
        let mut next = Some(format!("/v2/{}/tags/list?n={PAGE_TAGS}", reference.repository()));
        let (mut listing, mut count) = (Listing::default(), 0);
        let mut asked = HashSet::new();
        while let Some(path) = next {
            if asked.len() >= MAX_PAGES || count >= MAX_TAGS {
                listing.truncated = true;
                tracing::warn!(image = what, tags = count, "the list of tags is too long; the rest is not read");
                break;
            }
            let question = Question {
                method: Method::GET,
                path: &path,
                accept: "application/json",
                repository: reference.repository(),
                what: &what,
                max_bytes: MAX_PAGE_BYTES,
                cost: Cost::Question,
                urgency,
                // A page further on says nothing about those before it.
                known: known.as_ref().filter(|_| asked.is_empty()).and_then(|listing| listing.validator.as_ref()),
            };
            let answer = host.ask(&question).await?;
            if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.status, &known) {
                return Ok(known.clone());
            }
            let page: TagsAnswer = serde_json::from_slice(&answer.body)
                .map_err(|error| host.malformed(&question, format!("it is no list of tags ({error})")))?;
            for tag in page.tags.unwrap_or_default().iter().filter(|tag| Tag::is_valid(tag)) {
                listing.tags.push_str(tag);
                listing.tags.push('\n');
                count += 1;
            }
            next = page::next(&answer.headers, &answer.url, host.endpoint())
                .map_err(|problem| host.malformed(&question, problem))?;
            listing.validator = Validator::of(&answer.headers).filter(|_| asked.is_empty() && next.is_none());
            if next.as_ref().is_some_and(|next| *next == path || asked.contains(next)) {
                return Err(host.malformed(&question, "its pages form a circle".to_owned()));
            }
            asked.insert(path);
        }
        listing.tags.shrink_to_fit();
        Ok(Arc::new(listing))
    }

    pub(super) fn config(&self) -> &RegistryConfig {
        &self.inner.config
    }

    pub(super) fn platforms(&self) -> &Cache<String, bool> {
        &self.inner.platforms
    }

    pub(super) fn digests(&self) -> &Cache<String, Digest> {
        &self.inner.digests
    }

    pub(super) fn manifests(&self) -> &Cache<String, Manifest> {
        &self.inner.manifests
    }

    pub(super) fn host(&self, registry: &str) -> Result<Arc<Host>, RegistryError> {
        let inner = &*self.inner;
        let mut hosts = inner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(registry) {
            return Ok(host.clone());
        }
        let own = transport::of_registry(registry, &inner.config).map_err(|source| RegistryError::Certificates {
            registry: registry.to_owned(),
            source: Arc::new(source),
        })?;
        let carried = own.unwrap_or_else(|| inner.transport.clone());
        let endpoint = Endpoint::of(registry, &inner.config);
        let (config, http, credentials) = (inner.config.clone(), inner.http.clone(), inner.credentials.clone());
        let host = Arc::new(Host::new(endpoint, config, http, carried, credentials));
        hosts.insert(registry.to_owned(), host.clone());
        Ok(host)
    }
}

/// Somebody waits for an answer that must be new.
pub(super) const fn urgency(fresh: Freshness) -> Urgency {
    match fresh {
        Freshness::Remembered | Freshness::RememberedOrSince(_) | Freshness::Within(_) => Urgency::Background,
        Freshness::Since(_) => Urgency::Asked,
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
