//! Versions and their order.

use std::{cmp::Ordering, fmt};

/// Numbers that count releases, or numbers that say when a release was made. The two are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `1.2.3`
    Counted,
    /// `2024.12.1`, `20241201`, `2024-12-01`
    Dated,
}

/// Stage of a pre-release, earliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// `dev`
    Dev,
    /// `canary`
    Canary,
    /// `alpha`, `a1`
    Alpha,
    /// `beta`, `b1`
    Beta,
    /// `pre`, `preview`
    Preview,
    /// `rc`
    Candidate,
}

/// What comes before a release: a stage and the numbers within it. `rc9` comes before `rc10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PreRelease {
    pub(crate) stage: Stage,
    pub(crate) numbers: Vec<u64>,
}

/// A version as far as a tag states it.
///
/// Ordered by its numbers (those that are missing are 0), a release above its pre-releases, then by the revision of the
/// package and the number of the build, and last the more exact spelling above the shorter one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    pub(crate) family: Family,
    pub(crate) numbers: [u64; 4],
    /// How many of the numbers are written, 1 to 4.
    pub(crate) stated: usize,
    /// Written as `20241201` or `2024-12-01` rather than with dots.
    pub(crate) calendar_date: bool,
    pub(crate) pre_release: Option<PreRelease>,
    /// `-1`, `-r2`, a date or a time behind the version: how often the same version was packaged.
    pub(crate) revisions: Vec<u64>,
    /// `-ls123`
    pub(crate) build: Option<u64>,
}

impl Version {
    /// Whether numbers count releases or tell their date.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Major, minor, patch and revision; what is not written is 0.
    pub const fn numbers(&self) -> [u64; 4] {
        self.numbers
    }

    /// How many of the numbers are written, 1 to 4.
    pub const fn stated(&self) -> usize {
        self.stated
    }

    /// Whether it comes before a release.
    pub const fn is_pre_release(&self) -> bool {
        self.pre_release.is_some()
    }

    /// Whether the version is followed by `dev` and no number.
    pub(crate) fn is_bare_dev(&self) -> bool {
        self.pre_release.as_ref().is_some_and(|stage| stage.stage == Stage::Dev && stage.numbers.is_empty())
    }

    /// Order of the versions themselves: how exactly they are spelled does not count.
    pub fn cmp_value(&self, other: &Self) -> Ordering {
        self.cmp_release(other)
            .then_with(|| self.revisions.cmp(&other.revisions))
            .then_with(|| self.build.cmp(&other.build))
    }

    /// Order by family, numbers and pre-release alone, as bounds are meant.
    pub(crate) fn cmp_release(&self, other: &Self) -> Ordering {
        self.family.cmp(&other.family).then_with(|| self.numbers.cmp(&other.numbers)).then_with(|| {
            match (&self.pre_release, &other.pre_release) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(own), Some(others)) => own.cmp(others),
            }
        })
    }

    /// Whether every number that this version writes is the same in the other one: `16` and `16.2` agree.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let common = self.stated.min(other.stated);
        self.family == other.family && self.numbers.iter().take(common).eq(other.numbers.iter().take(common))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_value(other)
            .then_with(|| self.stated.cmp(&other.stated))
            .then_with(|| self.calendar_date.cmp(&other.calendar_date))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    /// The normal form: at least three numbers, the pre-release behind a hyphen, dates as `YYYY.MM.DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch, revision] = self.numbers;
        if self.calendar_date {
            write!(f, "{major:04}.{minor:02}.{patch:02}")?;
        } else {
            write!(f, "{major}.{minor}.{patch}")?;
        }
        if self.stated > 3 {
            write!(f, ".{revision}")?;
        }
        if let Some(pre_release) = &self.pre_release {
            write!(f, "-{pre_release}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PreRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Dev => "dev",
            Stage::Canary => "canary",
            Stage::Alpha => "alpha",
            Stage::Beta => "beta",
            Stage::Preview => "preview",
            Stage::Candidate => "rc",
        })?;
        self.numbers.iter().try_for_each(|number| write!(f, ".{number}"))
    }
}
