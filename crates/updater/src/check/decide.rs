//! From facts to a status. Nothing here asks anybody anything.

mod answers;
mod local;

use homeport_image_ref::{Digest, Policy, Reference, Tag, Version};

use super::CheckedContainer;

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

    /// Tags that may name what a moving tag points at, the likeliest first, no more than `limit`.
    pub(super) fn likely_names(&self, tags: &[Tag], limit: usize) -> Vec<Tag> {
        let is_name = |tag: &&Tag| {
            tag.prefix().is_empty()
                && tag.variant() == self.tag.variant()
                && tag.version().is_some_and(|version| !version.is_pre_release())
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
}

#[cfg(test)]
mod tests;
