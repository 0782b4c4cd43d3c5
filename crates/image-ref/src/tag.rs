//! Tags: what their text says.

use std::fmt;

use crate::{Family, Version, grammar};

/// What kind of name a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// A counted version, such as `v1.2.3-alpine`.
    Version,
    /// A date or calendar version, such as `2024.12.1` or `20241201`.
    Date,
    /// A number above 100 without dots: the count of some build server. A version only where a repository has no others.
    Number,
    /// A commit or content hash. Never a version.
    Hash,
    /// A name that is known to move, such as `latest` or `stable-alpine`.
    Moving,
    /// Any other word: a code name, a branch. It may move, and is followed by digest as well.
    Other,
}

/// A tag and what its text says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    text: String,
    parts: Parts,
}

/// What [`grammar`] finds in a tag's text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Parts {
    pub(crate) kind: TagKind,
    /// Words before the version, with their separator: `release-`. Without the `v`.
    pub(crate) prefix: String,
    /// A `v` stands before the number.
    pub(crate) v: bool,
    pub(crate) version: Option<Version>,
    pub(crate) variant: String,
}

impl Tag {
    /// Reads a tag. Any text has a reading; what is no version is [`TagKind::Other`].
    pub fn parse(text: &str) -> Self {
        Self { text: text.to_owned(), parts: grammar::parse(text) }
    }

    /// Whether a registry may have a tag of this text.
    pub fn is_valid(text: &str) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        text.len() <= 128
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What kind of name it is.
    pub const fn kind(&self) -> TagKind {
        self.parts.kind
    }

    /// The version in it. A bare build number has none, see [`TagKind::Number`].
    pub fn version(&self) -> Option<&Version> {
        self.parts.version.as_ref().filter(|_| self.parts.kind != TagKind::Number)
    }

    /// The flavour of the image, such as `alpine3.18` or `slim`; empty for the plain one.
    pub fn variant(&self) -> &str {
        &self.parts.variant
    }

    /// Words before the version, with the separator behind them, such as `release-`. A leading `v` is none.
    pub fn prefix(&self) -> &str {
        &self.parts.prefix
    }

    /// Whether the tag is followed by its digest because its text says nothing about its age.
    pub const fn is_moving(&self) -> bool {
        matches!(self.parts.kind, TagKind::Moving | TagKind::Other)
    }

    /// Whether the tag names a line of versions rather than one of them, such as `16` or `7.2-alpine`.
    pub fn is_floating(&self) -> bool {
        self.version().is_some_and(|version| version.family() == Family::Counted && version.stated() < 3)
    }

    /// The version or build number, whichever there is.
    pub(crate) const fn number(&self) -> Option<&Version> {
        self.parts.version.as_ref()
    }

    pub(crate) const fn has_v(&self) -> bool {
        self.parts.v
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
