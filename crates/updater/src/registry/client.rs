//! The questions that updates have for a registry.

use std::sync::Arc;

use homeport_image_ref::{Digest, Reference, Tag};
use tokio::time::Instant;

use super::{Credentials, RegistryConfig, RegistryError, SetupError};

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
    /// There are more than [`TagList::tags`]: the list was too long.
    pub truncated: bool,
}

/// Asks registries, remembers what they said, and spares them. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    _credentials: Arc<dyn Credentials>,
}

impl Client {
    /// A client that is who `credentials` says.
    pub fn new(_config: &RegistryConfig, credentials: Arc<dyn Credentials>) -> Result<Self, SetupError> {
        Ok(Self { _credentials: credentials })
    }

    /// The digest that a reference's tag points at now or, at most, as long ago as digests are remembered. A reference
    /// that has a digest and no tag gives that digest, if it exists.
    pub async fn digest(&self, reference: &Reference) -> Result<Digest, RegistryError> {
        self.digest_as_of(reference, Freshness::Remembered).await
    }

    /// The digest, as new as asked.
    #[expect(clippy::unused_async, reason = "being written")]
    pub async fn digest_as_of(&self, reference: &Reference, _fresh: Freshness) -> Result<Digest, RegistryError> {
        Err(RegistryError::NotFound { registry: reference.registry().to_owned(), what: reference.familiar() })
    }

    /// The tags of a reference's repository, as new as asked.
    #[expect(clippy::unused_async, reason = "being written")]
    pub async fn tags(&self, reference: &Reference, _fresh: Freshness) -> Result<Arc<TagList>, RegistryError> {
        Err(RegistryError::NotFound { registry: reference.registry().to_owned(), what: reference.familiar() })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}
