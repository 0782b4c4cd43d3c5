//! The result of a check for one container.

use std::collections::BTreeMap;

use homeport_image_ref::{Change, Digest};
use jiff::Timestamp;

/// Where a container stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing can be said.
    #[default]
    Unknown,
    /// There is something newer.
    UpdateAvailable,
    /// There is something newer, and a check of the person's own says no.
    UpdateAvailableBlocked,
    /// It runs the newest there is.
    UpToDate,
    /// It runs the newest there is under a moving tag, and a version tag names the same image.
    UpToDatePinnable,
    /// Its image was built here.
    LocalImage,
    /// Its compose file names another image than the one that runs.
    ComposeMismatch,
    /// A label says to leave it alone.
    Ignored,
    /// It could not be found out.
    CheckFailed,
    /// The registry knows nothing of the image.
    MetadataUnavailable,
}

/// One container with what a check found. Empty texts: not known or not applicable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts about a container, told to clients as they are")]
pub struct CheckedContainer {
    /// Full id.
    pub container_id: String,
    /// Name without the leading slash.
    pub container_name: String,
    /// The reference that it was created from.
    pub image: String,
    /// Tag of that reference, `latest` where it states none.
    pub current_tag: String,
    /// Version that runs, as its tag, its labels or its digest tell.
    pub current_version: String,
    /// Variant of the tag.
    pub current_suffix: String,
    /// Digest of the image that runs.
    pub current_digest: Option<Digest>,
    /// Tag to update to; for a moving tag, that tag itself.
    pub latest_version: String,
    /// Version behind a moving tag's newest digest.
    pub latest_resolved_version: String,
    /// Digest to update to.
    pub latest_digest: Option<Digest>,
    /// Tags of the repository, newest first, at most 100.
    pub available_tags: Vec<String>,
    /// How far `latest_version` is from the current one. None for a container that has nothing newer.
    pub change: Option<Change>,
    /// The same tag points at another image now.
    pub is_rebuild: bool,
    /// Where it stands.
    pub status: Status,
    /// Why it could not be checked, or in what it mismatches.
    pub error: String,
    /// The error may go away by itself.
    pub is_error_temporary: bool,
    /// Its image was built here.
    pub is_local: bool,
    /// Its tag is exactly `latest`.
    pub using_latest_tag: bool,
    /// Version tag that names the image that runs under a moving tag.
    pub recommended_tag: String,
    /// `healthy`, `unhealthy`, `starting` or `none`.
    pub health_status: &'static str,
    /// The image that its compose file names, where that is another one.
    pub compose_image: String,
    /// Variable of an environment file that its tag comes from.
    pub env_var_name: String,
    /// Something worth knowing that changes nothing.
    pub note: String,
    /// Compose project.
    pub stack: String,
    /// Compose service.
    pub service: String,
    /// Services of the same project that it depends on.
    pub dependencies: Vec<String>,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// Labels for Homeport in its compose file.
    pub compose_labels: BTreeMap<String, String>,
    /// Those differ from the ones it runs with.
    pub labels_out_of_sync: bool,
    /// Script that was asked because there is something to update to.
    pub pre_update_check: String,
    /// It has nothing against the update.
    pub pre_update_check_pass: bool,
    /// Why it is against it.
    pub pre_update_check_fail: String,
    /// When this was found out.
    pub checked_at: Timestamp,
    /// It runs, so that an update would restart it.
    pub running: bool,
}

impl CheckedContainer {
    /// The tag that an update without a stated one goes to: the recommended one, else the newest. None where neither is.
    pub fn default_target(&self) -> Option<&str> {
        [&self.recommended_tag, &self.latest_version].into_iter().map(String::as_str).find(|tag| !tag.is_empty())
    }
}
