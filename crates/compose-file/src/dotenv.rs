//! Environment files: `NAME=value` lines as compose reads them.

use std::ops::Range;

use crate::File;

/// Variables of environment files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables<'a> {
    files: Vec<Source<'a>>,
}

/// One environment file.
#[derive(Debug, Clone)]
struct Source<'a> {
    file: File<'a>,
    entries: Vec<Entry>,
    /// The project's own files are on level 0; those of an included file on a higher one, where lower ones win.
    level: usize,
}

/// One variable of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Bytes of the value, quotes not included.
    pub(crate) range: Range<usize>,
    pub(crate) quotes: Quotes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    None,
    /// Everything is meant literally.
    Single,
    /// Backslashes escape.
    Double,
}

/// Where a variable was found, with the file and the number of the entry in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'v, 'a> {
    pub(crate) file: usize,
    pub(crate) source: File<'a>,
    pub(crate) index: usize,
    pub(crate) entry: &'v Entry,
}

impl<'a> Variables<'a> {
    /// Reads environment files in their order; what the parent knows already stays as it is there.
    pub(crate) fn read(files: Vec<File<'a>>, parent: Option<Self>) -> Self {
        let mut all = parent.unwrap_or_default();
        let level = all.files.last().map_or(0, |last| last.level + 1);
        all.files.extend(files.into_iter().map(|file| Source { file, entries: parse(file.text), level }));
        all
    }

    /// The entry that counts for a value which itself stands at the given file and entry: of the ones before it, the
    /// last.
    pub(crate) fn find_before(&self, name: &str, file: usize, index: usize) -> Option<Found<'_, 'a>> {
        let last = self.files.get(file).or(self.files.last())?.level;
        (0..=last).find_map(|level| {
            let files = self.files.iter().enumerate().rev();
            files.filter(|(at, source)| source.level == level && *at <= file).find_map(|(at, source)| {
                let entries = &source.entries;
                let before = if at == file { entries.get(..index).unwrap_or(entries) } else { entries };
                let index = before.iter().rposition(|entry| entry.name == name)?;
                Some(Found { file: at, source: source.file, index, entry: &before[index] })
            })
        })
    }
}

/// The variables of one file. Lines that are none are skipped, as they are nothing to edit.
pub(crate) fn parse(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
        at = match entry(text, at, line_end) {
            Some((entry, end)) => {
                entries.push(entry);
                text[end..].find('\n').map_or(text.len(), |length| end + length + 1)
            }
            None => line_end,
        };
    }
    entries
}

/// The entry that begins on the line, and where its value ends.
fn entry(text: &str, start: usize, line_end: usize) -> Option<(Entry, usize)> {
    let line = &text[start..line_end];
    let blank = |text: &str| text.len() - text.trim_start_matches([' ', '\t', '\u{feff}']).len();
    let mut at = blank(line);
    if let Some(rest) = line[at..].strip_prefix("export")
        && rest.starts_with([' ', '\t'])
    {
        at += "export".len() + blank(rest);
    }
    let is_name = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-');
    let length = line[at..].find(|next| !is_name(next)).filter(|length| *length > 0)?;
    let name = line[at..at + length].to_owned();
    at += length + blank(&line[at + length..]);
    let rest = line[at..].strip_prefix(['=', ':'])?;
    let begin = start + at + 1 + blank(rest);
    let (range, quotes) = value(text, begin, line_end);
    let end = range.end;
    Some((Entry { name, range, quotes }, end))
}

fn value(text: &str, begin: usize, line_end: usize) -> (Range<usize>, Quotes) {
    let quoted = |quote: char, quotes: Quotes| {
        text[begin..]
            .starts_with(quote)
            .then(|| closing(&text[begin + 1..], quote))
            .flatten()
            .map(|length| (begin + 1..begin + 1 + length, quotes))
    };
    quoted('\'', Quotes::Single).or_else(|| quoted('"', Quotes::Double)).unwrap_or_else(|| {
        let line = text[begin..line_end].trim_end_matches(['\n', '\r']);
        let value = match line
            .char_indices()
            .find(|(at, next)| *next == '#' && (*at == 0 || line[..*at].ends_with([' ', '\t'])))
        {
            Some((comment, _)) => &line[..comment],
            None => line,
        };
        (begin..begin + value.trim_end().len(), Quotes::None)
    })
}

/// Where the closing quote stands; a quote behind a backslash is none.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, next) in text.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if next == quote => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_compose_reads_them() {
        let text = "# comment\r\nA=1.0\r\nexport B = two # note\n\nC='x # $y'\nD: \"q\\\"uote\"\nE=\nF=a#b\nnothing\n=x\nG='open\nA=2.0";
        let found: Vec<_> =
            parse(text).into_iter().map(|entry| (entry.name, text[entry.range].to_owned(), entry.quotes)).collect();
        let expected = [
            ("A", "1.0", Quotes::None),
            ("B", "two", Quotes::None),
            ("C", "x # $y", Quotes::Single),
            ("D", "q\\\"uote", Quotes::Double),
            ("E", "", Quotes::None),
            ("F", "a#b", Quotes::None),
            ("G", "'open", Quotes::None),
            ("A", "2.0", Quotes::None),
        ];
        assert_eq!(found, expected.map(|(name, value, quotes)| (name.to_owned(), value.to_owned(), quotes)));
        let file = File { path: ".env", text };
        let variables = Variables::read(vec![file, File { path: "other.env", text: "C=3" }], None);
        let find = |name: &str| variables.find_before(name, usize::MAX, usize::MAX);
        assert_eq!(find("A").unwrap().index, 7);
        assert_eq!(find("C").unwrap().source.path, "other.env");
        assert!(find("nothing").is_none());
        let included = Variables::read(vec![File { path: "included.env", text: "C=4\nX=5" }], Some(variables));
        let find = |name: &str| included.find_before(name, usize::MAX, usize::MAX).unwrap().source.path;
        assert_eq!((find("C"), find("X")), ("other.env", "included.env"));
    }
}
