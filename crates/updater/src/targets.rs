//! What to update to.

use async_trait::async_trait;
use homeport_image_ref::{Reference, Tag, Version};
use tokio::time::Instant;

use crate::{
    check::Checker,
    engine::Container,
    error::UpdateError,
    plan::Target,
    registry::{Client, Freshness, RegistryError},
};

/// Says what to update to. Checks and registries are behind it; tests put a table there.
#[async_trait]
pub trait Targets: Send + Sync {
    /// The target for a container: the version asked for, else the one that the check found. What its registry has is as
    /// it was at a moment, or later.
    async fn target(&self, container: &Container, version: Option<&str>, since: Instant)
    -> Result<Target, UpdateError>;

    /// The versions behind the tags that a container runs and would go to, as far as the last check found them out.
    fn resolved(&self, _container: &Container) -> (String, String) {
        Default::default()
    }

    /// The digest of a reference in its registry, or the one that it is pinned to.
    async fn digest(&self, reference: &str) -> Result<String, UpdateError>;

    /// Whether its registry has a reference, be it pinned or not.
    async fn exists(&self, reference: &str) -> Result<bool, UpdateError>;

    /// The tag of a repository that says this version most exactly, of the same variant as another tag. None: there is none.
    async fn tag_of_version(&self, repository: &str, like: &str, version: &str) -> Result<Option<String>, UpdateError>;

    /// A container has changed: look at it again.
    async fn recheck(&self, container: &str);
}

/// Targets from the checker and the registries.
#[derive(Debug, Clone)]
pub struct CheckedTargets {
    checker: Checker,
    registry: Client,
}

impl CheckedTargets {
    /// Asks these.
    pub const fn new(checker: Checker, registry: Client) -> Self {
        Self { checker, registry }
    }

    /// The tag may have moved since the check; what is planned is what is there now.
    async fn digest_since(&self, wanted: &Reference, since: Instant) -> Result<String, UpdateError> {
        match self.registry.digest_as_of(wanted, Freshness::Since(since)).await {
            Ok(digest) => Ok(digest.as_str().to_owned()),
            Err(RegistryError::NotFound { .. }) => Err(UpdateError::NoImage { reference: wanted.familiar() }),
            Err(source) => Err(UpdateError::Registry { reference: wanted.familiar(), source }),
        }
    }

    async fn version(&self, container: &Container) -> Result<String, UpdateError> {
        let default = |target: Option<&str>| target.map(str::to_owned);
        let snapshot = self.checker.snapshot();
        let known = snapshot
            .container(&container.name)
            .filter(|checked| checked.container_id == container.id)
            .and_then(|checked| default(checked.default_target()));
        if let Some(version) = known {
            return Ok(version);
        }
        let checked = self.checker.check_container(&container.name).await?;
        if let Some(version) = default(checked.default_target()) {
            return Ok(version);
        }
        let container = container.name.clone();
        if checked.error.is_empty() {
            return Err(UpdateError::NoTarget { container });
        }
        let message = checked.error.clone();
        Err(UpdateError::CheckFailed { container, message, is_temporary: checked.is_error_temporary })
    }
}

#[async_trait]
impl Targets for CheckedTargets {
    async fn target(
        &self,
        container: &Container,
        version: Option<&str>,
        since: Instant,
    ) -> Result<Target, UpdateError> {
        let reference: Reference = container.image.parse().map_err(|_| UpdateError::NoRepository {
            container: container.name.clone(),
            image: container.image.clone(),
        })?;
        let version = match version {
            Some(version) => version.to_owned(),
            None => self.version(container).await?,
        };
        if !Tag::is_valid(&version) {
            return Err(UpdateError::BadTag { tag: version });
        }
        let digest = self.digest_since(&reference.with_tag(&Tag::parse(&version)), since).await?;
        Ok(Target { tag: version, digest })
    }

    fn resolved(&self, container: &Container) -> (String, String) {
        let snapshot = self.checker.snapshot();
        let checked = snapshot.container(&container.name).filter(|checked| checked.container_id == container.id);
        checked.map(|found| (found.current_version.clone(), found.latest_resolved_version.clone())).unwrap_or_default()
    }

    async fn digest(&self, reference: &str) -> Result<String, UpdateError> {
        let parsed: Reference =
            reference.parse().map_err(|_| UpdateError::NoImage { reference: reference.to_owned() })?;
        match parsed.digest() {
            Some(digest) => Ok(digest.as_str().to_owned()),
            None => self.digest_since(&parsed, Instant::now()).await,
        }
    }

    async fn exists(&self, reference: &str) -> Result<bool, UpdateError> {
        let Ok(parsed) = reference.parse::<Reference>() else { return Ok(false) };
        match self.digest_since(&parsed, Instant::now()).await {
            Ok(_) => Ok(true),
            Err(UpdateError::NoImage { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn tag_of_version(&self, repository: &str, like: &str, version: &str) -> Result<Option<String>, UpdateError> {
        let parsed: Reference =
            repository.parse().map_err(|_| UpdateError::NoImage { reference: repository.to_owned() })?;
        match self.registry.tags(&parsed, Freshness::Since(Instant::now())).await {
            Ok(list) => Ok(named(&list.tags, like, version).map(ToString::to_string)),
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(source) => Err(UpdateError::Registry { reference: parsed.familiar(), source }),
        }
    }

    async fn recheck(&self, container: &str) {
        if let Err(error) = self.checker.check_container(container).await {
            tracing::warn!(
                container.name = container,
                error = homeport_service::telemetry::chain(&error),
                "cannot check the container after its update"
            );
        }
        self.checker.trigger();
    }
}

/// The tag that says a version most exactly, of the same variant as another tag. Versions are shown without the words
/// around them, and their tags have those.
fn named<'t>(tags: &'t [Tag], like: &str, version: &str) -> Option<&'t Tag> {
    let (like, version) = (Tag::parse(like), Tag::parse(version));
    let version = version.version()?;
    let says = |tag: &&Tag| {
        tag.variant() == like.variant() && tag.version().is_some_and(|other| other.cmp_value(version).is_eq())
    };
    tags.iter().filter(says).max_by_key(|tag| tag.version().map(Version::stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_3_a_version_is_found_under_the_tag_that_says_it() {
        let tags =
            ["v1.26.3", "1.26.3-alpine", "16.2", "16.2-alpine", "1.26", "latest", "latest-alpine"].map(Tag::parse);
        let found = |like: &str, version: &str| named(&tags, like, version).map(Tag::as_str);
        assert_eq!(found("latest", "1.26.3"), Some("v1.26.3"));
        assert_eq!(found("latest-alpine", "1.26.3"), Some("1.26.3-alpine"));
        assert_eq!((found("latest", "16.2.0"), found("latest", "16.2")), (Some("16.2"), Some("16.2")));
        assert_eq!((found("latest-slim", "16.2"), found("latest", "3.0"), found("latest", "soon")), (None, None, None));
    }
}
