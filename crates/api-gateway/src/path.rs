//! Paths as they are decided upon: decoded once, without `//`, `.` and `..`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What is escaped when a decoded path is written again: all that RFC 3986 does not allow in a path, and `%` itself.
const ESCAPED: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path, decoded and cleaned: it begins with one `/` and has no empty, `.` or `..` segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CleanPath {
    text: String,
    was_clean: bool,
}

impl CleanPath {
    /// Reads the path of a request. `None` when it is no text: it does not begin with a slash, or holds escapes that are
    /// none or not UTF-8, or control characters.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        let decoded = decode(raw)?;
        let text = clean(&decoded);
        let was_clean = text == decoded;
        Some(Self { text: text.into_owned(), was_clean })
    }

    /// The decoded text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it was sent as it is here, apart from its escapes.
    pub(crate) const fn was_clean(&self) -> bool {
        self.was_clean
    }
}

/// The decoded text of a path that was sent as clean as [`CleanPath`] would make it.
pub(crate) fn clean_as_sent(raw: &str) -> Option<Cow<'_, str>> {
    let decoded = decode(raw)?;
    matches!(clean(&decoded), Cow::Borrowed(_)).then_some(decoded)
}

fn decode(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with('/') || !is_escaped_well(raw) {
        return None;
    }
    let decoded = percent_decode_str(raw).decode_utf8().ok()?;
    (!decoded.chars().any(char::is_control)).then_some(decoded)
}

/// Whether every `%` begins an escape: another reader might take one that does not for something else.
fn is_escaped_well(raw: &str) -> bool {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    raw.split('%').skip(1).all(is_escape)
}

/// Writes a decoded path so that it can stand in a request line or a `Location`.
pub(crate) fn encode(path: &str) -> String {
    encoded(path).collect()
}

/// The same in pieces.
pub(crate) fn encoded(path: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(path, &ESCAPED)
}

/// Resolves empty, `.` and `..` segments as a browser would, keeping a slash at the end.
fn clean(path: &str) -> Cow<'_, str> {
    let dirty = |segment: &str| matches!(segment, "" | "." | "..");
    let inner = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    if inner.is_some_and(|inner| (inner.is_empty() && path == "/") || !inner.split('/').any(dirty)) {
        return Cow::Borrowed(path);
    }
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut cleaned = kept.iter().fold(String::new(), |path, segment| path + "/" + segment);
    if cleaned.is_empty() || path.ends_with('/') {
        cleaned.push('/');
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str, was_clean: bool) {
        let path = CleanPath::parse(raw).unwrap();
        assert_eq!((path.as_str(), path.was_clean()), (expected, was_clean), "{raw}");
        assert_eq!(clean_as_sent(raw).as_deref(), was_clean.then_some(expected), "{raw}");
    }

    #[test]
    fn clean_paths_stay() {
        for path in ["/", "/a", "/a/", "/a/b.c/..d", "/plugins/x/"] {
            check(path, path, true);
        }
        check("/a%20b", "/a b", true);
        check("/a%2Fb", "/a/b", true);
    }

    #[test]
    fn the_others_are_resolved() {
        check("//", "/", false);
        check("//evil.example/a", "/evil.example/a", false);
        check("/a//b", "/a/b", false);
        check("/a/../b", "/b", false);
        check("/a/%2e%2e/b/", "/b/", false);
        check("/a%2F%2e%2e%2Fb", "/b", false);
        check("/../../etc", "/etc", false);
        check("/a/.", "/a", false);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for path in ["/a%", "/a%2", "/a%zz", "/%%41", "*", "", "a"] {
            assert_eq!(CleanPath::parse(path), None, "{path}");
        }
        assert_eq!(CleanPath::parse("/a%00"), None);
        assert_eq!(CleanPath::parse("/a%0d%0ab"), None);
        assert_eq!(CleanPath::parse("/%ff"), None);
    }

    #[test]
    fn a_path_is_written_as_it_can_be_read_again() {
        for path in ["/a b", "/ä/%25", "/a?b#c", "/\\evil"] {
            assert_eq!(CleanPath::parse(&encode(path)).unwrap().as_str(), path);
        }
        assert_eq!(encode("/a+b:c@d;e=f,g!"), "/a+b:c@d;e=f,g!");
    }
}
