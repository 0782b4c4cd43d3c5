//! What a check found: `DiscoveryResult`, its containers and its stacks.

use std::collections::{BTreeMap, HashMap};

use homeport_proto::updater::v1::{Change, CheckedContainer, ContainerStatus, Snapshot};
use serde::Serialize;

use crate::view;

/// Tags that are listed of one container; the rest are older.
const MAX_TAGS: usize = 100;

/// `DiscoveryResult`: the counters, and unless only those are asked for, the containers.
#[derive(Debug, Serialize)]
pub(super) struct Discovery<'a> {
    #[serde(flatten)]
    listing: Option<Listing<'a>>,
    #[serde(flatten)]
    summary: Summary<'a>,
}

#[derive(Debug, Serialize)]
struct Listing<'a> {
    containers: Vec<Info<'a>>,
    stacks: BTreeMap<&'a str, Stack<'a>>,
    standalone_containers: Vec<Info<'a>>,
    update_order: &'a [String],
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    total_checked: usize,
    total: usize,
    updates_found: usize,
    updates_available: usize,
    up_to_date: usize,
    local_images: usize,
    failed: usize,
    ignored: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_cache_refresh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_background_run: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    checking: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_ttl: Option<String>,
    /// Why the newest run could not list the containers; what is listed is then of the run before.
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
}

#[derive(Debug, Serialize)]
struct Stack<'a> {
    name: &'a str,
    containers: Vec<Info<'a>>,
    has_updates: bool,
    all_updatable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_priority: Option<&'static str>,
}

/// `ContainerInfo`.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are the clients'")]
pub(super) struct Info<'a> {
    container_name: &'a str,
    name: &'a str,
    image: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    current_tag: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    current_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    current_suffix: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    latest_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    latest_resolved_version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    current_digest: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    latest_digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_tags: Option<&'a [String]>,
    change_type: i32,
    status: &'static str,
    update_available: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
    is_local: bool,
    using_latest_tag: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pre_update_check: &'a str,
    pre_update_check_pass: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pre_update_check_fail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    recommended_tag: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    health_status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    compose_image: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    env_controlled: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    env_var_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    stack: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    service: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dependencies: &'a [String],
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    labels: &'a HashMap<String, String>,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    compose_labels: &'a HashMap<String, String>,
    #[serde(skip_serializing_if = "is_false")]
    labels_out_of_sync: bool,
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> Discovery<'a> {
    /// Everything.
    pub(super) fn full(snapshot: &'a Snapshot) -> Self {
        Self { listing: Some(Listing::new(snapshot)), summary: Summary::new(snapshot) }
    }

    /// The counters and times, for widgets.
    pub(super) fn summary(snapshot: &'a Snapshot) -> Self {
        Self { listing: None, summary: Summary::new(snapshot) }
    }
}

impl<'a> Listing<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let containers = &snapshot.containers;
        let mut stacks: BTreeMap<&str, Vec<&CheckedContainer>> = BTreeMap::new();
        for container in containers.iter().filter(|container| !container.stack.is_empty()) {
            stacks.entry(&container.stack).or_default().push(container);
        }
        Self {
            containers: containers.iter().map(Info::new).collect(),
            stacks: stacks.into_iter().map(|(name, members)| (name, Stack::new(name, &members))).collect(),
            standalone_containers: containers
                .iter()
                .filter(|container| container.stack.is_empty())
                .map(|container| Info::new(container).without_tags())
                .collect(),
            update_order: &snapshot.update_order,
        }
    }
}

impl<'a> Summary<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let count = |status| snapshot.containers.iter().filter(|container| container.status() == status).count();
        let (total, updates) = (snapshot.containers.len(), count(ContainerStatus::UpdateAvailable));
        Self {
            total_checked: total,
            total,
            updates_found: updates,
            updates_available: updates,
            up_to_date: count(ContainerStatus::UpToDate),
            local_images: count(ContainerStatus::LocalImage),
            failed: count(ContainerStatus::CheckFailed),
            ignored: count(ContainerStatus::Ignored),
            last_cache_refresh: view::time(snapshot.last_refresh_at.as_ref()),
            last_background_run: view::time(snapshot.last_run_at.as_ref()),
            checking: snapshot.checking,
            next_check: view::time(snapshot.next_run_at.as_ref()),
            check_interval: snapshot.check_interval.as_ref().map(view::go_duration),
            cache_ttl: snapshot.cache_lifetime.as_ref().map(view::go_duration),
            error: &snapshot.error,
        }
    }
}

impl<'a> Stack<'a> {
    fn new(name: &'a str, members: &[&'a CheckedContainer]) -> Self {
        let has_update = |container: &&CheckedContainer| container.status() == ContainerStatus::UpdateAvailable;
        let updatable =
            |container: &&CheckedContainer| has_update(container) || container.status() == ContainerStatus::LocalImage;
        let changes: Vec<Change> = members.iter().copied().filter(has_update).map(CheckedContainer::change).collect();
        let priorities = [(Change::Major, "major"), (Change::Minor, "minor"), (Change::Patch, "patch")];
        Self {
            name,
            containers: members.iter().map(|container| Info::new(container).without_tags()).collect(),
            has_updates: !changes.is_empty(),
            all_updatable: members.iter().copied().all(|container| updatable(&container)),
            update_priority: priorities.iter().find(|(change, _)| changes.contains(change)).map(|(_, name)| *name),
        }
    }
}

impl<'a> Info<'a> {
    /// One container, with its newest tags.
    pub(super) fn new(container: &'a CheckedContainer) -> Self {
        let tags = &container.available_tags[..container.available_tags.len().min(MAX_TAGS)];
        Self {
            container_name: &container.container_name,
            name: &container.container_name,
            image: &container.image,
            id: &container.container_id,
            current_tag: &container.current_tag,
            current_version: &container.current_version,
            current_suffix: &container.current_suffix,
            latest_version: &container.latest_version,
            latest_resolved_version: &container.latest_resolved_version,
            current_digest: &container.current_digest,
            latest_digest: &container.latest_digest,
            available_tags: (!tags.is_empty()).then_some(tags),
            change_type: change(container.change()).1,
            status: status(container.status()),
            update_available: matches!(
                container.status(),
                ContainerStatus::UpdateAvailable | ContainerStatus::UpdateAvailableBlocked
            ),
            error: &container.error,
            is_local: container.is_local,
            using_latest_tag: container.using_latest_tag,
            pre_update_check: &container.pre_update_check,
            pre_update_check_pass: container.pre_update_check_pass,
            pre_update_check_fail: &container.pre_update_check_fail,
            recommended_tag: &container.recommended_tag,
            health_status: &container.health_status,
            compose_image: &container.compose_image,
            env_controlled: !container.env_var_name.is_empty(),
            env_var_name: &container.env_var_name,
            note: &container.note,
            stack: &container.stack,
            service: &container.service,
            dependencies: &container.dependencies,
            labels: &container.labels,
            compose_labels: &container.compose_labels,
            labels_out_of_sync: container.labels_out_of_sync,
            running: container.running,
            checked_at: view::time(container.checked_at.as_ref()),
        }
    }

    /// The second mention of a container does not repeat its tags.
    fn without_tags(self) -> Self {
        Self { available_tags: None, ..self }
    }
}

/// The word for a change, and the number that the original gives it; a rebuild is none.
pub(super) const fn change(change: Change) -> (&'static str, i32) {
    match change {
        Change::Unspecified => ("none", 0),
        Change::Rebuild => ("rebuild", 0),
        Change::Patch => ("patch", 1),
        Change::Minor => ("minor", 2),
        Change::Major => ("major", 3),
        Change::Downgrade => ("downgrade", 4),
        Change::Unknown => ("unknown", 5),
    }
}

/// A status as clients know it.
pub(super) const fn status(status: ContainerStatus) -> &'static str {
    match status {
        ContainerStatus::UpdateAvailable => "UPDATE_AVAILABLE",
        ContainerStatus::UpdateAvailableBlocked => "UPDATE_AVAILABLE_BLOCKED",
        ContainerStatus::UpToDate => "UP_TO_DATE",
        ContainerStatus::UpToDatePinnable => "UP_TO_DATE_PINNABLE",
        ContainerStatus::LocalImage => "LOCAL_IMAGE",
        ContainerStatus::ComposeMismatch => "COMPOSE_MISMATCH",
        ContainerStatus::Ignored => "IGNORED",
        ContainerStatus::CheckFailed => "CHECK_FAILED",
        ContainerStatus::MetadataUnavailable => "METADATA_UNAVAILABLE",
        ContainerStatus::Unknown | ContainerStatus::Unspecified => "UNKNOWN",
    }
}
