//! Why a tag is offered, or why not: one word for each.

use std::{cmp::Ordering, fmt};

use crate::{Policy, Tag, TagKind, Version, policy::Refusal, variant::is_newer_distribution};

/// What a tag is to a container that runs another one. The first that holds, in the order in which tags are sifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The newest that may follow.
    Offered,
    /// The one that runs.
    Current,
    /// It might follow, but something newer, or closer to what runs, is offered.
    Surpassed,
    /// `tag-regex` does not match it.
    Regex,
    /// A name that moves, such as `latest`: its text says nothing about its age.
    Moving,
    /// A commit or content hash.
    Hash,
    /// A word, not a version.
    Word,
    /// The number of a build, where the repository has versions too.
    Build,
    /// It counts in another way: date or version, with other words before it, or with builds where there were none.
    Scheme,
    /// Another variant, such as `alpine`.
    Variant,
    /// It states more or fewer numbers: `1.26` follows on `1.25`, and `1.26.3` on `1.25.4`.
    Precision,
    /// A pre-release, without `allow-prerelease`.
    Prerelease,
    /// A pin keeps it out.
    Pinned,
    /// Below `version-min`.
    Below,
    /// Above `version-max`.
    Above,
    /// Older than what runs.
    Older,
    /// Another name for the version that runs.
    Same,
    /// What runs is followed by its digest; tags with other names are not compared.
    Followed,
    /// Listed by the registry without an image behind it.
    Ghost,
    /// It names the very image that runs under a moving tag: the tag to pin to.
    Recommended,
    /// The labels on the container cannot be followed, so that nothing is offered.
    Labels,
    /// A label says to leave the container alone.
    Ignored,
}

/// How well a tag that may follow keeps to the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is the same.
    Variant,
    /// The same distribution in a newer release.
    Distribution,
}

impl Verdict {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Current => "current",
            Self::Surpassed => "surpassed",
            Self::Regex => "regex",
            Self::Moving => "moving",
            Self::Hash => "hash",
            Self::Word => "word",
            Self::Build => "build",
            Self::Scheme => "scheme",
            Self::Variant => "variant",
            Self::Precision => "precision",
            Self::Prerelease => "prerelease",
            Self::Pinned => "pinned",
            Self::Below => "below",
            Self::Above => "above",
            Self::Older => "older",
            Self::Same => "same",
            Self::Followed => "followed",
            Self::Ghost => "ghost",
            Self::Recommended => "recommended",
            Self::Labels => "labels",
            Self::Ignored => "ignored",
        }
    }

    /// The word in a sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Offered => "the newest that may follow",
            Self::Current => "the tag that runs",
            Self::Surpassed => "may follow, but the tag that is offered is newer or closer to what runs",
            Self::Regex => "the label tag-regex does not match it",
            Self::Moving => "a name that moves; its text says nothing about its age",
            Self::Hash => "a hash, which has no order",
            Self::Word => "a word, not a version",
            Self::Build => "the number of a build, in a repository that has versions",
            Self::Scheme => "counts in another way than the tag that runs",
            Self::Variant => "another variant than the one that runs",
            Self::Precision => "states more or fewer numbers than the tag that runs",
            Self::Prerelease => "a pre-release; the label allow-prerelease would admit it",
            Self::Pinned => "outside of what the version-pin labels allow",
            Self::Below => "below the label version-min",
            Self::Above => "above the label version-max",
            Self::Older => "older than what runs",
            Self::Same => "another name for the version that runs",
            Self::Followed => "the tag that runs is followed by its digest, not by newer tags",
            Self::Ghost => "listed by the registry, but without a published image",
            Self::Recommended => "names the very image that runs; the tag to pin to",
            Self::Labels => "the labels of the container cannot be followed",
            Self::Ignored => "a label says to leave the container alone",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PreRelease => Self::Prerelease,
            Refusal::Pin => Self::Pinned,
            Refusal::Min => Self::Below,
            Refusal::Max => Self::Above,
        }
    }
}

/// Whether a tag may follow on the current one whose version is given, and if not, why.
pub(crate) fn fit(current: &Tag, version: &Version, tag: &Tag, policy: &Policy) -> Result<Fit, Verdict> {
    if tag.as_str() == current.as_str() {
        return Err(Verdict::Current);
    }
    if !policy.admits_text(tag) {
        return Err(Verdict::Regex);
    }
    let Some(other) = tag.number() else { return Err(no_version(tag)) };
    if tag.kind() == TagKind::Number && current.kind() != TagKind::Number {
        return Err(Verdict::Build);
    }
    if !has_same_scheme(current, version, tag, other) {
        return Err(Verdict::Scheme);
    }
    let fit = if tag.variant() == current.variant() {
        Fit::Variant
    } else if is_newer_distribution(current.variant(), tag.variant()) {
        Fit::Distribution
    } else {
        return Err(Verdict::Variant);
    };
    if other.stated() != version.stated() || !has_same_revisions(version, other) {
        return Err(if other.cmp_value(version).is_eq() { Verdict::Same } else { Verdict::Precision });
    }
    policy.admits(version, other)?;
    match other.cmp_value(version) {
        Ordering::Less => Err(Verdict::Older),
        Ordering::Equal => Err(Verdict::Same),
        Ordering::Greater => Ok(fit),
    }
}

/// Why a tag without a version is none.
pub(crate) const fn no_version(tag: &Tag) -> Verdict {
    match tag.kind() {
        TagKind::Moving => Verdict::Moving,
        TagKind::Hash => Verdict::Hash,
        TagKind::Version | TagKind::Date | TagKind::Number | TagKind::Other => Verdict::Word,
    }
}

/// Versions that are counted alike. A bare `dev` behind the version is how images with build tools are called as well as
/// a stage, so that only its likes follow on it.
fn has_same_scheme(current: &Tag, version: &Version, tag: &Tag, other: &Version) -> bool {
    tag.kind() == current.kind()
        && tag.prefix() == current.prefix()
        && other.family() == version.family()
        && other.calendar_date == version.calendar_date
        && other.build.is_some() == version.build.is_some()
        && (!version.is_bare_dev() || other.is_bare_dev())
}

/// A tag without a package revision names all of them, so that one with it is more exact; the reverse is how a project
/// stops counting revisions.
fn has_same_revisions(version: &Version, other: &Version) -> bool {
    other.revisions.is_empty() || !version.revisions.is_empty()
}
