//! Which tag may follow on another.

use std::cmp::Ordering;

use crate::{Policy, Tag, TagKind, Version, variant::is_newer_distribution};

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
    let newer = |tag: &&Tag| {
        tag.number().is_some_and(|other| {
            has_same_scheme(current, version, tag, other)
                && other.cmp_value(version).is_gt()
                && policy.admits_text(tag)
                && policy.admits(version, other)
        })
    };
    let better = |a: &&Tag, b: &&Tag| prefer(current, a, b);
    let same_variant = tags.iter().filter(newer).filter(|tag| tag.variant() == current.variant()).max_by(better);
    same_variant.or_else(|| {
        tags.iter()
            .filter(newer)
            .filter(|tag| is_newer_distribution(current.variant(), tag.variant()))
            .max_by(|a, b| a.number().cmp(&b.number()).then_with(|| by_distribution(a, b)).then_with(|| better(a, b)))
    })
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

/// A floating tag is followed by floating tags and an exact one by exact ones: they must state as many numbers. A tag
/// without a package revision names all of them, so that one with it is more exact; the reverse is how a project stops
/// counting revisions.
fn has_same_scheme(current: &Tag, version: &Version, tag: &Tag, other: &Version) -> bool {
    tag.kind() == current.kind()
        && tag.prefix() == current.prefix()
        && other.family() == version.family()
        && other.calendar_date == version.calendar_date
        && other.stated() == version.stated()
        && other.build.is_some() == version.build.is_some()
        && (other.revisions.is_empty() || !version.revisions.is_empty())
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
