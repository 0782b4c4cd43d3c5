//! Which tag may follow on another.

use std::cmp::Ordering;

use crate::{
    Policy, Tag, TagKind, Verdict, Version,
    variant::is_newer_distribution,
    verdict::{Fit, fit},
};

/// How far apart two versions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Nothing differs.
    None,
    /// The patch, the revision or the build.
    Patch,
    /// The minor version.
    Minor,
    /// The major version.
    Major,
    /// The other one is older.
    Downgrade,
    /// At least one of them is no version, or they are versions of different kinds.
    Unknown,
}

/// The newest tag that may replace the current one: newer by its version, and of the same scheme, variant and precision.
///
/// If nothing newer has the same variant, the newest with a newer release of the same distribution is taken. A tag that
/// is no version has no candidates; it is followed by its digest.
pub fn newest<'a>(current: &Tag, tags: &'a [Tag], policy: &Policy) -> Option<&'a Tag> {
    let version = comparable(current, tags)?;
    let fitting = |wanted: Fit| {
        let fits = move |tag: &&Tag| fit(current, version, tag, policy).is_ok_and(|fit| fit == wanted);
        tags.iter().filter(fits)
    };
    let better = |a: &&Tag, b: &&Tag| prefer(current, a, b);
    fitting(Fit::Variant).max_by(better).or_else(|| {
        let by_release = |a: &&Tag, b: &&Tag| {
            a.number().cmp(&b.number()).then_with(|| by_distribution(a, b)).then_with(|| better(a, b))
        };
        fitting(Fit::Distribution).max_by(by_release)
    })
}

/// What each tag is to the current one, in the order of the list. The one that [`newest`] gives is
/// [offered](Verdict::Offered).
pub fn judge<'a>(current: &Tag, tags: &'a [Tag], policy: &Policy) -> Vec<(&'a Tag, Verdict)> {
    let (version, offered) = (comparable(current, tags), newest(current, tags, policy));
    let verdict = |tag: &Tag| match version {
        _ if tag.as_str() == current.as_str() => Verdict::Current,
        _ if offered.is_some_and(|offered| offered.as_str() == tag.as_str()) => Verdict::Offered,
        None => Verdict::Followed,
        Some(version) => fit(current, version, tag, policy).err().unwrap_or(Verdict::Surpassed),
    };
    tags.iter().map(|tag| (tag, verdict(tag))).collect()
}

/// How far `to` is from `from`.
pub fn change(from: &Tag, to: &Tag) -> Change {
    match (from.number(), to.number()) {
        (Some(from), Some(to)) if from.family() == to.family() => between(from, to),
        _ => Change::Unknown,
    }
}

/// Orders tags for a reader: versions from the newest down, then everything else by name.
pub fn sort_newest_first(tags: &mut [Tag]) {
    tags.sort_by(|a, b| match (a.version(), b.version()) {
        (Some(a_version), Some(b_version)) => {
            b_version.cmp(a_version).then_with(|| a.variant().cmp(b.variant())).then_with(|| a.as_str().cmp(b.as_str()))
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.as_str().cmp(b.as_str()),
    });
}

fn between(from: &Version, to: &Version) -> Change {
    let ([major, minor, ..], [to_major, to_minor, ..]) = (from.numbers(), to.numbers());
    match to.cmp_value(from) {
        Ordering::Less => Change::Downgrade,
        Ordering::Equal => Change::None,
        Ordering::Greater if major != to_major => Change::Major,
        Ordering::Greater if minor != to_minor => Change::Minor,
        Ordering::Greater => Change::Patch,
    }
}

/// The version to compare with. A bare build number counts only where the repository has no other versions.
fn comparable<'a>(current: &'a Tag, tags: &[Tag]) -> Option<&'a Version> {
    if current.kind() == TagKind::Number && tags.iter().any(|tag| tag.version().is_some()) {
        return None;
    }
    current.number()
}

/// The newer one; of two names for the same version, the one that is spelled like the current one.
fn prefer(current: &Tag, a: &Tag, b: &Tag) -> Ordering {
    let spelled_alike = |tag: &Tag| tag.has_v() == current.has_v();
    a.number()
        .cmp(&b.number())
        .then_with(|| spelled_alike(a).cmp(&spelled_alike(b)))
        .then_with(|| b.as_str().cmp(a.as_str()))
}

fn by_distribution(a: &Tag, b: &Tag) -> Ordering {
    if is_newer_distribution(a.variant(), b.variant()) {
        Ordering::Less
    } else if is_newer_distribution(b.variant(), a.variant()) {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

#[cfg(test)]
mod tests;
