//! Where in the bytes of a file a label is written, and how.

use std::ops::Range;

use super::{Change, Found, Place};
use crate::document::NodeId;

impl Place<'_, '_> {
    /// Another value in the place of the one that is there.
    pub(super) fn replace(&self, found: &Found, name: &str, value: &str) -> Result<Change, String> {
        let raw = self.file.text.get(found.entry.clone()).unwrap_or_default();
        if raw.starts_with(['|', '>', '*', '&', '!']) {
            return Err(format!("its label {name} is written in a way that is not changed; write it on one line"));
        }
        match &found.key {
            None => Ok((found.entry.clone(), quoted(&format!("{name}={value}"), raw, true))),
            Some(key) if found.entry.is_empty() => {
                let colon = self.after_colon(key.end).ok_or("a key without a colon")?;
                Ok((colon..colon, format!(" {}", quoted(value, "", false))))
            }
            Some(_) => Ok((found.entry.clone(), quoted(value, raw, false))),
        }
    }

    /// The entry goes, and the key of the labels with the last one.
    pub(super) fn remove(&self, labels: (NodeId, NodeId), found: &Found) -> Result<Change, String> {
        let count = self.document.mapping(labels.1).len() + self.document.sequence(labels.1).len();
        let start = found.key.as_ref().map_or(found.entry.start, |key| key.start);
        let end = if found.entry.is_empty() {
            found.key.as_ref().map_or(start, |key| self.after_colon(key.end).unwrap_or(key.end))
        } else {
            found.entry.end
        };
        let key = self.range(labels.0).ok_or("labels without a place")?;
        let is_block = self.is_block(start, found.key.is_none());
        if count == 1 {
            let last = if is_block { end } else { self.closing(end).ok_or("a list without an end")? };
            if self.document.mapping(self.service).len() == 1 {
                // A service of nothing at all is none.
                let colon = self.after_colon(key.end).ok_or("labels without a colon")?;
                return Ok((colon..last, " {}".to_owned()));
            }
            return if self.is_block(key.start, false) {
                Ok((self.lines(key.start, last), String::new()))
            } else {
                Ok((self.flow_entry(key.start, last), String::new()))
            };
        }
        if is_block {
            Ok((self.lines(start, end), String::new()))
        } else {
            Ok((self.flow_entry(start, end), String::new()))
        }
    }

    /// A label more.
    pub(super) fn add(&self, name: &str, value: &str) -> Result<Change, String> {
        let item = quoted(&format!("{name}={value}"), "", true);
        let pair = format!("{}: {}", quoted(name, "", true), quoted(value, "", false));
        let Some((key, labels)) = self.labels() else { return self.create(&item) };
        if let Some(last) = self.document.sequence(labels).last() {
            let range = self.range(*last).ok_or("its labels are no list of texts")?;
            return Ok(self.behind(&range, range.start, true, &format!("- {item}"), &item));
        }
        if let Some((key, value)) = self.document.mapping(labels).last() {
            let key = self.range(*key).ok_or("its labels have a key that is no text")?;
            let value = self.range(*value).ok_or("its labels have a value that is no text")?;
            let end = if value.is_empty() { self.after_colon(key.end).unwrap_or(key.end) } else { value.end };
            return Ok(self.behind(&(key.start..end), key.start, false, &pair, &pair));
        }
        // Empty: `labels: {}`, `labels: []` or nothing at all.
        let colon = self.range(key).and_then(|key| self.after_colon(key.end)).ok_or("labels without a colon")?;
        let rest = self.file.text.get(colon..).unwrap_or_default();
        let line = rest.split(['\n', '#']).next().unwrap_or_default();
        let start = colon + line.len() - line.trim_start().len();
        match line.trim() {
            "" => Ok((colon..colon, format!(" [{item}]"))),
            text if text.starts_with("{}") => Ok((start..start + 2, format!("{{{pair}}}"))),
            text if text.starts_with("[]") => Ok((start..start + 2, format!("[{item}]"))),
            _ => Err("its labels are written in a way that is not changed".to_owned()),
        }
    }

    /// Labels where there were none: a list behind the image, else before the first key.
    fn create(&self, item: &str) -> Result<Change, String> {
        let entries = self.document.mapping(self.service);
        let (first, _) = entries.first().ok_or("it is empty")?;
        let first = self.range(*first).ok_or("its first key is no text")?;
        if !self.is_block(first.start, false) {
            return Ok((first.start..first.start, format!("labels: [{item}], ")));
        }
        let indent = self.indent(first.start);
        let end = self.ending();
        let text = format!("{indent}labels:{end}{indent}  - {item}{end}");
        let image = entries.iter().find(|(key, _)| self.document.scalar(*key).is_some_and(|key| key.value == "image"));
        let behind = image.and_then(|(_, value)| self.range(*value)).filter(|range| {
            range.start > first.start && !self.file.text.get(range.clone()).unwrap_or_default().contains('\n')
        });
        if let Some(range) = behind {
            return Ok(self.new_line(range.end, text));
        }
        let start = self.line_start(first.start);
        Ok((start..start, text))
    }

    /// A further entry behind the last one, on a line of its own or behind a comma.
    fn behind(&self, last: &Range<usize>, start: usize, is_list: bool, line: &str, flow: &str) -> Change {
        if self.is_block(start, is_list) {
            let indent = self.indent(start);
            let text = format!("{indent}{line}{}", self.ending());
            return self.new_line(last.end, text);
        }
        (last.end..last.end, format!(", {flow}"))
    }

    /// Whole lines behind the one in which `at` is.
    fn new_line(&self, at: usize, text: String) -> Change {
        // A block scalar ends with its last line's break.
        let at = if self.file.text[..at].ends_with('\n') { at - 1 } else { at };
        if let Some(found) = self.file.text[at..].find('\n') {
            return (at + found + 1..at + found + 1, text);
        }
        let (end, ending) = (self.file.text.len(), self.ending());
        (end..end, format!("{ending}{}", text.trim_end_matches(ending)))
    }

    /// Whether what begins here begins a line, behind the dash of a list at most.
    fn is_block(&self, start: usize, is_list: bool) -> bool {
        let lead = &self.file.text[self.line_start(start)..start];
        let lead = lead.trim_start_matches('\u{feff}');
        if is_list { lead.trim_start().trim_end() == "-" } else { lead.trim().is_empty() }
    }

    /// The white space before it on its line.
    fn indent(&self, start: usize) -> &str {
        let line = &self.file.text[self.line_start(start)..start];
        &line[..line.len() - line.trim_start().len()]
    }

    fn line_start(&self, at: usize) -> usize {
        self.file.text[..at].rfind('\n').map_or(0, |found| found + 1)
    }

    /// The whole lines from one place to another.
    fn lines(&self, start: usize, end: usize) -> Range<usize> {
        let end = if end > start && self.file.text[..end].ends_with('\n') { end - 1 } else { end };
        let after = self.file.text[end..].find('\n').map_or(self.file.text.len(), |found| end + found + 1);
        self.line_start(start)..after
    }

    /// An entry between braces with the comma that belongs to it.
    fn flow_entry(&self, start: usize, end: usize) -> Range<usize> {
        let text = self.file.text;
        let behind = text[end..].find(|next: char| !next.is_whitespace()).map(|found| end + found);
        if let Some(comma) = behind.filter(|at| text[*at..].starts_with(',')) {
            let next = text[comma + 1..].find(|next: char| next != ' ').map_or(comma + 1, |found| comma + 1 + found);
            return start..next;
        }
        let before = text[..start].trim_end();
        if before.ends_with(',') { before.len() - 1..end } else { start..end }
    }

    /// Behind the bracket that closes what ends here.
    fn closing(&self, end: usize) -> Option<usize> {
        let rest = &self.file.text[end..];
        rest.find([']', '}'])
            .filter(|at| rest[..*at].trim_matches([',', ' ', '\n', '\r', '\t']).is_empty())
            .map(|at| end + at + 1)
    }

    fn after_colon(&self, key_end: usize) -> Option<usize> {
        let rest = &self.file.text[key_end..];
        let colon = rest.find(':')?;
        rest[..colon].trim().is_empty().then_some(key_end + colon + 1)
    }

    fn ending(&self) -> &'static str {
        if self.file.text.contains("\r\n") { "\r\n" } else { "\n" }
    }
}

/// A text as a YAML scalar that compose reads as just that: in the quotes of what stood there before, else plainly where
/// that is safe and wanted, else in double ones.
fn quoted(text: &str, before: &str, may_be_plain: bool) -> String {
    // A dollar sign alone would begin a variable.
    let text = text.replace('$', "$$");
    let is_plain = |text: &str| {
        let is_word =
            |next: char| next.is_ascii_alphanumeric() || matches!(next, '.' | '_' | '-' | '/' | '=' | '+' | '$' | '^');
        text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(is_word)
    };
    if before.starts_with('\'') && !text.contains(['\'', '\n']) {
        return format!("'{text}'");
    }
    if may_be_plain && !before.starts_with('"') && is_plain(&text) {
        return text;
    }
    let mut quoted = String::from("\"");
    for next in text.chars() {
        match next {
            '"' | '\\' => quoted.extend(['\\', next]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            next => quoted.push(next),
        }
    }
    quoted.push('"');
    quoted
}
