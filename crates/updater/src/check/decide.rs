//! From facts to a status. Nothing here asks anybody anything.

mod answers;
mod local;

use homeport_image_ref::{Digest, Policy, Reference, Tag, Version};

use super::CheckedContainer;
use crate::registry::Platform;

pub(super) use answers::{Answers, decide};
pub(super) use local::{Local, decide_locally};

/// What is known about a container whose registry has to be asked.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// The result so far.
    pub(super) checked: CheckedContainer,
    /// Its image, without a digest.
    pub(super) reference: Reference,
    pub(super) tag: Tag,
    pub(super) policy: Policy,
    /// To run `latest` is as good as any version.
    pub(super) allow_latest: bool,
    /// Digests that its image is known by in that repository.
    pub(super) digests: Vec<Digest>,
    /// What its image's configuration hashes to; empty where that is not known.
    pub(super) image_id: String,
    /// What its image was built for.
    pub(super) platform: Platform,
    /// The version that runs, as far as tag and labels tell.
    pub(super) version: Option<Version>,
    /// Its compose file says how to build it.
    pub(super) has_build: bool,
}

impl Open {
    /// Whether it is followed by the digest of its tag rather than by newer tags.
    pub(super) fn follows_digest(&self) -> bool {
        self.tag.is_moving() || self.policy.track == homeport_image_ref::Track::Floating
    }

    /// Whether its image has this digest.
    pub(super) fn runs(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }

    /// Whether its tag does not say which version it is: a moving one, or one such as `16`.
    fn is_inexact(&self) -> bool {
        self.tag.is_moving() || self.tag.is_floating()
    }

    /// Digests whose version is worth some questions: what runs, unless tag and labels tell its version already, and
    /// what a moving tag points at now. `present` is what the tag points at.
    pub(super) fn nameless(&self, present: Option<&Digest>) -> Vec<Digest> {
        if !self.is_inexact() {
            return Vec::new();
        }
        let stated = |version: &Version| self.tag.version().is_none_or(|tag| version.stated() > tag.stated());
        let is_told = self.version.as_ref().is_some_and(stated);
        let is_pinnable = self.tag.as_str() == "latest" && !self.allow_latest;
        let running = self.digests.first().filter(|_| !is_told || is_pinnable);
        let moved = present.filter(|present| !self.runs(present));
        running.into_iter().chain(moved).cloned().collect()
    }

    /// Tags that may name what a moving or floating tag points at, the likeliest first, no more than `limit`.
    pub(super) fn likely_names(&self, tags: &[Tag], limit: usize) -> Vec<Tag> {
        let is_exact = |version: &Version| {
            self.tag.version().is_none_or(|tag| version.stated() > tag.stated() && tag.agrees_with(version))
        };
        let is_name = |tag: &&Tag| {
            tag.prefix() == if self.tag.is_moving() { "" } else { self.tag.prefix() }
                && tag.variant() == self.tag.variant()
                && tag.version().is_some_and(|version| !version.is_pre_release() && is_exact(version))
        };
        let mut names: Vec<_> = tags.iter().filter(is_name).cloned().collect();
        names.sort_by(|a, b| b.version().cmp(&a.version()).then_with(|| a.as_str().cmp(b.as_str())));
        // `1.26.3` and `v1.26.3` are the same name, and so are `17` and `17.0`.
        names.dedup_by(|a, b| a.version().zip(b.version()).is_some_and(|(a, b)| a.cmp_value(b).is_eq()));
        if let Some(version) = &self.version {
            let is_running = |tag: &Tag| tag.version().is_some_and(|other| other.cmp_value(version).is_eq());
            names.sort_by_key(|tag| !is_running(tag));
        }
        names.truncate(limit);
        names
    }

    /// Tags that a list which was cut short may lack: the newest version without a variant, in the running variant.
    pub(super) fn unlisted(&self, tags: &[Tag]) -> Vec<Tag> {
        let variant = self.tag.variant();
        if variant.is_empty() {
            return Vec::new();
        }
        let plain = Tag::parse(self.tag.as_str().strip_suffix(&format!("-{variant}")).unwrap_or_default());
        let newest = homeport_image_ref::newest(&plain, tags, &Policy { filter: None, ..self.policy.clone() });
        let Some(newest) = newest.map(Tag::as_str) else { return Vec::new() };
        let bare = newest.trim_start_matches(['v', 'V']);
        [format!("{bare}-{variant}"), format!("v{bare}-{variant}")]
            .iter()
            .map(|text| Tag::parse(text))
            .filter(|tag| !tags.contains(tag))
            .collect()
    }
}

#[cfg(test)]
mod tests;
