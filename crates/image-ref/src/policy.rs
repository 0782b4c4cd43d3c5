//! What a person allows an update to do.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use crate::{Tag, Version};

/// The longest tag filter; the same limit as where filters are set.
const MAX_FILTER_CHARS: usize = 500;

/// Memory that a compiled tag filter may take.
const MAX_FILTER_BYTES: usize = 1 << 20;

/// How far from the running version a candidate may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pin {
    /// Anywhere.
    #[default]
    None,
    /// Within the same major version.
    Major,
    /// Within the same minor version.
    Minor,
    /// Only another build of the same patch.
    Patch,
}

/// How a version tag is followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Track {
    /// By rewriting it to the newer version's tag.
    #[default]
    Exact,
    /// By its digest; the tag stays.
    Floating,
}

/// What a person allows an update to do.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Pre-releases are candidates.
    pub allow_pre_release: bool,
    /// How far from the running version a candidate may be.
    pub pin: Pin,
    /// How a version tag is followed.
    pub track: Track,
    /// Candidates must match this somewhere.
    pub filter: Option<Regex>,
    /// The lowest version that is a candidate.
    pub min: Option<Version>,
    /// The highest version that is a candidate.
    pub max: Option<Version>,
}

/// A label that cannot be followed. Nothing is offered then: a policy that cannot be read must not become a wider one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The filter is too long.
    #[error("invalid tag regex: pattern too long (max {MAX_FILTER_CHARS} characters)")]
    FilterTooLong,
    /// The filter does not compile.
    #[error("invalid tag regex: invalid regex: {0}")]
    Filter(String),
    /// A bound is no version.
    #[error("the label {label} is \"{value}\", which is no version; write one such as 7 or 7.99")]
    Bound {
        /// Name of the label, without what is common to all.
        label: &'static str,
        /// Its text.
        value: String,
    },
    /// The way of following is not known.
    #[error("the label version-track is \"{0}\"; it can be exact or floating")]
    Track(String),
}

impl Policy {
    /// Reads a policy from labels; `label` gives the text of one by its short name, such as `tag-regex`.
    pub fn from_labels<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Result<Self, PolicyError> {
        let is_set = |name| label(name).is_some_and(is_true);
        let pin = match (is_set("version-pin-patch"), is_set("version-pin-minor"), is_set("version-pin-major")) {
            (true, _, _) => Pin::Patch,
            (_, true, _) => Pin::Minor,
            (_, _, true) => Pin::Major,
            _ => Pin::None,
        };
        Ok(Self {
            allow_pre_release: is_set("allow-prerelease"),
            pin,
            track: track(label("version-track"))?,
            filter: label("tag-regex").filter(|text| !text.is_empty()).map(filter).transpose()?,
            min: bound("version-min", label("version-min"))?,
            max: bound("version-max", label("version-max"))?,
        })
    }

    /// Whether the text passes the filter.
    pub(crate) fn admits_text(&self, tag: &Tag) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(tag.as_str()))
    }

    /// Whether a version may follow on the current one, and if not, what keeps it out.
    pub(crate) fn admits(&self, current: &Version, version: &Version) -> Result<(), Refusal> {
        let kept = match self.pin {
            Pin::None => 0,
            Pin::Major => 1,
            Pin::Minor => 2,
            Pin::Patch => 3,
        };
        let beyond =
            |bound: &Option<Version>, side| bound.as_ref().is_some_and(|bound| cmp_bound(version, bound) == side);
        if version.is_pre_release() && !self.allow_pre_release && !current.is_pre_release() {
            return Err(Refusal::PreRelease);
        }
        if version.numbers()[..kept] != current.numbers()[..kept] {
            return Err(Refusal::Pin);
        }
        if beyond(&self.min, Ordering::Less) {
            return Err(Refusal::Min);
        }
        if beyond(&self.max, Ordering::Greater) {
            return Err(Refusal::Max);
        }
        Ok(())
    }
}

/// What keeps a version out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is a pre-release.
    PreRelease,
    /// The pin.
    Pin,
    /// The lower bound.
    Min,
    /// The upper bound.
    Max,
}

/// Whether a label says yes: `true`, `1` or `yes`.
pub(crate) fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes")
}

/// A bound is meant in the family of what it bounds: `2024` bounds dates too.
fn cmp_bound(version: &Version, bound: &Version) -> Ordering {
    version.cmp_release(&Version { family: version.family, ..bound.clone() })
}

fn track(text: Option<&str>) -> Result<Track, PolicyError> {
    match text {
        None | Some("" | "exact") => Ok(Track::Exact),
        Some("floating") => Ok(Track::Floating),
        Some(other) => Err(PolicyError::Track(other.to_owned())),
    }
}

fn filter(text: &str) -> Result<Regex, PolicyError> {
    if text.chars().count() > MAX_FILTER_CHARS {
        return Err(PolicyError::FilterTooLong);
    }
    RegexBuilder::new(text)
        .size_limit(MAX_FILTER_BYTES)
        .build()
        .map_err(|error| PolicyError::Filter(error.to_string().lines().last().unwrap_or_default().trim().to_owned()))
}

fn bound(label: &'static str, text: Option<&str>) -> Result<Option<Version>, PolicyError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let tag = Tag::parse(text);
    match tag.number() {
        Some(version) => Ok(Some(version.clone())),
        None => Err(PolicyError::Bound { label, value: text.to_owned() }),
    }
}
