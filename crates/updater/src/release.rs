//! Which version of Homeport is wanted, and what it does by itself.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::StreamExt as _;
use homeport_service::telemetry::chain;
use homeport_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    check::{Checker, Status},
    engine::Container,
    error::UpdateError,
    operations::{Operations, UpdateRequest},
    plan::tag_of,
    store::{self, Operation, setting},
};

/// The settings, as they are kept.
const VERSION: &str = "release_version";
const CHECKS: &str = "check_updates";
const AUTO: &str = "auto_update";

/// Longest tag of an image.
const TAG_MAX: usize = 128;
/// Who asked, where nobody did.
const BY_ITSELF: &str = "auto-update";

/// What is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Tag that an update goes to. None: the newest.
    pub version: Option<String>,
    /// Checks run at their interval.
    pub check_updates: bool,
    /// Homeport updates itself when a check finds something newer.
    pub auto_update: bool,
}

/// What is to be set; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Empty: the newest.
    pub version: Option<String>,
    /// Whether checks run at their interval.
    pub check_updates: Option<bool>,
    /// Whether Homeport updates itself.
    pub auto_update: Option<bool>,
}

/// What looks for newer versions. The checker does; tests put a table there.
pub trait Finder: Send + Sync {
    /// The tag that was found for a container, if it is newer than what runs.
    fn newer(&self, container: &Container) -> Option<String>;

    /// Says whether it looks by itself.
    fn set_timed(&self, on: bool);
}

impl Finder for Checker {
    fn newer(&self, container: &Container) -> Option<String> {
        let snapshot = self.snapshot();
        let checked = snapshot.container(&container.name).filter(|checked| checked.container_id == container.id)?;
        let has_newer = matches!(checked.status, Status::UpdateAvailable | Status::UpdateAvailableBlocked);
        has_newer.then(|| checked.default_target().map(str::to_owned)).flatten()
    }

    fn set_timed(&self, on: bool) {
        Self::set_timed(self, on);
    }
}

/// Homeport's own version. Cheap to clone.
#[derive(Clone)]
pub struct Releases {
    store: Store,
    operations: Operations,
    finder: Arc<dyn Finder>,
}

impl std::fmt::Debug for Releases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Releases").finish_non_exhaustive()
    }
}

impl Releases {
    /// Kept in this database, reached by these operations.
    pub fn new(store: Store, operations: Operations, finder: Arc<dyn Finder>) -> Self {
        Self { store, operations, finder }
    }

    /// What is set.
    pub async fn get(&self) -> Result<Release, UpdateError> {
        let get = async |key| setting::get(&self.store, key).await;
        Ok(Release {
            version: get(VERSION).await?.filter(|version| !version.is_empty()),
            check_updates: get(CHECKS).await?.is_none_or(|text| text == "true"),
            auto_update: get(AUTO).await?.is_some_and(|text| text == "true"),
        })
    }

    /// Changes what is set.
    pub async fn set(&self, change: Change) -> Result<(), UpdateError> {
        let Change { version, check_updates, auto_update } = change;
        if let Some(tag) = version.as_ref().filter(|version| !is_tag(version)) {
            return Err(UpdateError::BadTag { tag: tag.clone() });
        }
        let truth = |on: Option<bool>| on.map(|on| on.to_string());
        let values = [(VERSION, version), (CHECKS, truth(check_updates)), (AUTO, truth(auto_update))];
        let mut transaction = self.store.begin().await?;
        for (key, value) in values {
            if let Some(value) = value {
                setting::set(&mut transaction, key, &value).await?;
            }
        }
        transaction.commit().await?;
        if let Some(on) = check_updates {
            self.finder.set_timed(on);
        }
        Ok(())
    }

    /// Starts the update to what is wanted. None: it runs already.
    pub async fn update(&self, requested_by: &str) -> Result<Option<String>, UpdateError> {
        let Some((container, version)) = self.wanted().await? else { return Ok(None) };
        let (version, requested_by) = (Some(version), requested_by.to_owned());
        let request = UpdateRequest { container, version, requested_by, ..UpdateRequest::default() };
        Ok(Some(self.operations.start_update(request).await?.operation))
    }

    /// Waits until an update of Homeport has ended or begins to replace this process, no longer than `limit`.
    pub async fn wait(&self, operation: &str, limit: Duration) -> Result<Operation, UpdateError> {
        let enough = |status: store::Status| status.is_final() || status == store::Status::PendingRestart;
        self.operations.wait_until(operation, limit, enough).await
    }

    /// Updates Homeport whenever a check finds something newer, where that is wanted, until `drain` is cancelled.
    pub async fn follow(self, checker: Checker, drain: CancellationToken) {
        let mut tried = None;
        let mut snapshots = pin!(checker.watch());
        while let Some(Some((_, is_checking))) = drain.run_until_cancelled(snapshots.next()).await {
            if is_checking {
                continue;
            }
            if let Err(error) = self.update_by_itself(&mut tried).await {
                tracing::warn!(error = chain(&error), "Homeport cannot update itself");
            }
        }
    }

    /// Each version is tried once: what could not be had, or was taken back, will not be better a check later.
    pub(crate) async fn update_by_itself(&self, tried: &mut Option<String>) -> Result<(), UpdateError> {
        if !self.get().await?.auto_update {
            return Ok(());
        }
        let Some((_, version)) = self.wanted().await? else { return Ok(()) };
        let last = self.operations.last_of_itself().await?.map(|operation| operation.new_version);
        if tried.as_ref() == Some(&version) || last.as_ref() == Some(&version) {
            return Ok(());
        }
        *tried = Some(version.clone());
        tracing::info!(version, "Homeport updates itself");
        self.update(BY_ITSELF).await.map(drop)
    }

    /// The version to go to, and one of the containers that it is of.
    async fn wanted(&self) -> Result<Option<(String, String)>, UpdateError> {
        let own = self.operations.own_containers().await?;
        if let Some(version) = self.get().await?.version {
            let other = own.into_iter().find(|container| tag_of(&container.image) != version);
            return Ok(other.map(|container| (container.name, version)));
        }
        Ok(own.iter().find_map(|container| Some((container.name.clone(), self.finder.newer(container)?))))
    }
}

/// Whether a text can be the tag of an image, or is none at all.
fn is_tag(text: &str) -> bool {
    text.len() <= TAG_MAX
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
