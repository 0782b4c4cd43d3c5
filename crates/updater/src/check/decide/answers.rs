//! What a registry's answers mean for a container.

use std::sync::Arc;

use homeport_image_ref::{Change, Digest, Tag, TagKind, change, sort_newest_first};
use homeport_service::telemetry::chain;

use super::Open;
use crate::{
    check::{CheckedContainer, Status},
    registry::{RegistryError, TagList},
};

/// Tags that a reader is shown at most.
const MAX_SHOWN_TAGS: usize = 100;

/// What a registry has said about a container's image.
#[derive(Debug)]
pub(in crate::check) struct Answers {
    /// All tags.
    pub(in crate::check) tags: Result<Arc<TagList>, RegistryError>,
    /// The newest tag that may follow, with its digest if that was said.
    pub(in crate::check) candidate: Option<(Tag, Option<Digest>)>,
    /// Newer tags that are listed and have no image.
    pub(in crate::check) ghosts: Vec<Tag>,
    /// The digest of the present tag. None: it was not asked for, because there is a candidate. None within: it was not
    /// said.
    pub(in crate::check) digest: Option<Result<Option<Digest>, RegistryError>>,
    /// That digest is another one than that of the image that runs, but leads to the same image all the same: only what
    /// is around it in the index has changed.
    pub(in crate::check) is_same_image: bool,
    /// Digests of tags that may name what a moving tag points at.
    pub(in crate::check) names: Vec<(Tag, Digest)>,
}

/// Decides by what a registry has said.
pub(in crate::check) fn decide(open: &Open, answers: &Answers) -> CheckedContainer {
    let mut checked = open.checked.clone();
    if let Some(error) = failure(open, answers) {
        fail(&mut checked, open, error);
        return checked;
    }
    if let Ok(list) = &answers.tags {
        checked.available_tags = shown(open, &list.tags);
        drop_foreign_version(&mut checked, open, &list.tags);
    }
    if let Some(ghost) = answers.ghosts.first() {
        checked.note = format!("Tag {ghost} exists but has no published images");
    }
    match (&answers.candidate, &answers.digest) {
        (Some((tag, digest)), _) => {
            name_running(&mut checked, open, &answers.names);
            newer(&mut checked, open, tag, digest.as_ref());
        }
        (None, Some(Ok(Some(digest)))) => by_digest(&mut checked, open, digest, answers),
        (None, Some(Ok(None))) => by_text(&mut checked, open, answers),
        // A failure, handled above.
        (None, _) => {}
    }
    checked
}

/// The error that ends the check. A moving tag can do without the list of tags.
fn failure<'a>(open: &Open, answers: &'a Answers) -> Option<&'a RegistryError> {
    let list = answers.tags.as_ref().err().filter(|_| !open.follows_digest());
    list.or_else(|| answers.digest.as_ref().and_then(|digest| digest.as_ref().err()))
}

fn fail(checked: &mut CheckedContainer, open: &Open, error: &RegistryError) {
    let is_unknown = matches!(
        error,
        RegistryError::NotFound { .. } | RegistryError::Unauthorized { .. } | RegistryError::Forbidden { .. }
    );
    if open.has_build && is_unknown {
        checked.is_local = true;
        checked.status = Status::LocalImage;
    } else if error.is_not_found() {
        checked.status = Status::MetadataUnavailable;
        "Version information unavailable (registry lookup failed)".clone_into(&mut checked.error);
    } else {
        checked.status = Status::CheckFailed;
        checked.error = chain(error);
        checked.is_error_temporary = error.is_temporary();
    }
}

fn newer(checked: &mut CheckedContainer, open: &Open, tag: &Tag, digest: Option<&Digest>) {
    checked.status = Status::UpdateAvailable;
    tag.as_str().clone_into(&mut checked.latest_version);
    checked.latest_resolved_version = tag.version().map(ToString::to_string).unwrap_or_default();
    checked.latest_digest = digest.cloned();
    checked.change = Some(change(&open.tag, tag));
}

/// The most exact name among tags of a digest that is wanted.
fn name_of(names: &[(Tag, Digest)], wanted: impl Fn(&Digest) -> bool) -> Option<&Tag> {
    let named = names.iter().filter(|(_, digest)| wanted(digest)).map(|(tag, _)| tag);
    named.max_by_key(|tag| tag.version().map(homeport_image_ref::Version::stated))
}

/// Puts the version of the tag that has the same digest where neither tag nor labels tell it as exactly.
fn name_running(checked: &mut CheckedContainer, open: &Open, names: &[(Tag, Digest)]) {
    let is_told = |named: &homeport_image_ref::Version| {
        open.version.as_ref().is_some_and(|version| version.stated() >= named.stated())
    };
    if let Some(version) = name_of(names, |digest| open.runs(digest)).and_then(Tag::version)
        && (checked.current_version.is_empty() || !is_told(version))
    {
        checked.current_version = version.to_string();
    }
}

/// Nobody says which digest the tag has: only a version tells that there is nothing newer.
fn by_text(checked: &mut CheckedContainer, open: &Open, answers: &Answers) {
    let is_comparable = !open.follows_digest() && open.tag.version().is_some();
    let is_listed = answers.tags.as_ref().is_ok_and(|list| list.tags.iter().any(|tag| tag.version().is_some()));
    if is_comparable && is_listed {
        checked.status = Status::UpToDate;
    } else {
        checked.status = Status::Unknown;
        "The digest of the tag is not known, and its text says nothing about its age.".clone_into(&mut checked.note);
    }
}

/// The tag stays; what counts is whether it still points at what runs.
fn by_digest(checked: &mut CheckedContainer, open: &Open, digest: &Digest, answers: &Answers) {
    let names = &answers.names;
    checked.latest_digest = Some(digest.clone());
    name_running(checked, open, names);
    if open.digests.is_empty() {
        // Its image came from another repository, so that its digest says nothing here.
        checked.status = Status::Unknown;
        "The digest of the running image is not known in this repository.".clone_into(&mut checked.note);
        return;
    }
    if let Some(version) = name_of(names, |other| other == digest).and_then(Tag::version) {
        checked.latest_resolved_version = version.to_string();
    }
    if !open.runs(digest) && !answers.is_same_image {
        checked.status = Status::UpdateAvailable;
        open.tag.as_str().clone_into(&mut checked.latest_version);
        checked.is_rebuild = !open.tag.is_moving();
        checked.change = Some(moved(checked, open));
        return;
    }
    checked.status = Status::UpToDate;
    let pinnable =
        name_of(names, |digest| open.runs(digest)).filter(|_| checked.using_latest_tag && !open.allow_latest);
    if let Some(name) = pinnable {
        checked.status = Status::UpToDatePinnable;
        name.as_str().clone_into(&mut checked.recommended_tag);
    }
}

/// How far a tag has moved.
fn moved(checked: &CheckedContainer, open: &Open) -> Change {
    let resolved = |text: &str| Some(Tag::parse(text)).filter(|tag| tag.version().is_some());
    match (resolved(&checked.current_version), resolved(&checked.latest_resolved_version)) {
        _ if !open.tag.is_moving() => Change::None,
        (Some(from), Some(to)) => change(&from, &to),
        _ => Change::Unknown,
    }
}

/// Tags of the same naming as the running one, newest first.
fn shown(open: &Open, tags: &[Tag]) -> Vec<String> {
    let is_alike = |tag: &&Tag| tag.variant() == open.tag.variant() && tag.prefix() == open.tag.prefix();
    let mut tags: Vec<_> = tags.iter().filter(is_alike).cloned().collect();
    sort_newest_first(&mut tags);
    tags.iter().take(MAX_SHOWN_TAGS).map(ToString::to_string).collect()
}

/// A version in a label that no tag of the repository knows is that of something else in the image.
fn drop_foreign_version(checked: &mut CheckedContainer, open: &Open, tags: &[Tag]) {
    if !matches!(open.tag.kind(), TagKind::Other | TagKind::Hash | TagKind::Number) {
        return;
    }
    let is_known = |version| tags.iter().filter_map(Tag::version).any(|tag| tag.cmp_value(version).is_eq());
    if open.version.as_ref().is_some_and(|version| !is_known(version)) {
        checked.current_version.clear();
    }
}
