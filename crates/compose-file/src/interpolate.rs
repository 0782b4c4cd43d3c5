//! Variables in values, with the origin of every byte of the result.

use std::ops::Range;

use crate::dotenv::{Found, Quotes, Variables};

/// Defaults within defaults, and variables within variables, are followed this deep.
const MAX_DEPTH: usize = 8;

/// A result, piece by piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) pieces: Vec<Piece>,
    /// Defaults in the value that a variable overrides.
    pub(crate) overridden: Vec<Overridden>,
}

/// A default in the value that is not used because its variable is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overridden {
    /// Where it stands in the value.
    pub(crate) range: Range<usize>,
    /// What it says.
    pub(crate) text: String,
    /// The file that sets the variable, and where.
    pub(crate) path: String,
    pub(crate) value: Range<usize>,
}

/// A run of bytes of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Where it stands, byte for byte. None: it was made up, as from an escape.
    pub(crate) origin: Option<Origin>,
}

/// Where a run of bytes stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    /// Where it begins: in the value for [`Source::Value`], in the file for an environment file.
    pub(crate) start: usize,
}

/// A text that bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The value that is being expanded.
    Value,
    /// A variable of an environment file.
    Variable {
        /// The file.
        path: String,
        /// The variable.
        name: String,
    },
}

impl Expanded {
    /// The whole result.
    pub(crate) fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// The pieces that a range of the result touches, each with its place in the result.
    pub(crate) fn touching(&self, range: &Range<usize>) -> Vec<(Range<usize>, &Piece)> {
        let mut start = 0;
        let placed = self.pieces.iter().map(|piece| {
            let place = start..start + piece.text.len();
            start = place.end;
            (place, piece)
        });
        placed.filter(|(place, _)| place.start < range.end && range.start < place.end).collect()
    }

    fn push(&mut self, text: &str, origin: Option<Origin>) {
        if !text.is_empty() {
            self.pieces.push(Piece { text: text.to_owned(), origin });
        }
    }
}

/// Replaces the variables of a value as compose does. The error says what is wrong, for a person.
pub(crate) fn expand(text: &str, variables: &Variables<'_>) -> Result<Expanded, String> {
    let mut expanded = Expanded::default();
    let context = Context { variables, source: Source::Value, before: (usize::MAX, usize::MAX) };
    context.expand(text, 0, &mut expanded, 0)?;
    Ok(expanded)
}

/// What is being expanded.
struct Context<'v, 'a> {
    variables: &'v Variables<'a>,
    source: Source,
    /// Only variables before this file and entry are known.
    before: (usize, usize),
}

impl Context<'_, '_> {
    /// Appends the expansion of `text`, which begins at `start` of the source.
    fn expand(&self, text: &str, start: usize, into: &mut Expanded, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("its variables refer to each other too deeply".to_owned());
        }
        let mut at = 0;
        while let Some(dollar) = text[at..].find('$').map(|length| at + length) {
            into.push(&text[at..dollar], self.origin(start + at));
            let rest = &text[dollar + 1..];
            if rest.starts_with('$') {
                into.push("$", None);
                at = dollar + 2;
            } else if let Some(body) = rest.strip_prefix('{') {
                let length = closing_brace(body).ok_or("a ${ is not closed")?;
                self.expression(&body[..length], start + dollar + 2, into, depth)?;
                at = dollar + 2 + length + 1;
            } else {
                let length = name_length(rest);
                if length == 0 {
                    return Err("a $ begins no variable; a dollar sign itself is written $$".to_owned());
                }
                self.plain(&rest[..length], into, depth)?;
                at = dollar + 1 + length;
            }
        }
        into.push(&text[at..], self.origin(start + at));
        Ok(())
    }

    /// Expands what stands between braces.
    fn expression(&self, body: &str, start: usize, into: &mut Expanded, depth: usize) -> Result<(), String> {
        let length = name_length(body);
        let (name, rest) = body.split_at(length);
        if length == 0 {
            return Err(format!("${{{body}}} names no variable"));
        }
        let (colon, operation) = match rest.strip_prefix(':') {
            Some(operation) => (true, operation),
            None => (false, rest),
        };
        let Some(operator) = operation.chars().next() else { return self.plain(name, into, depth) };
        let argument = &operation[operator.len_utf8()..];
        let argument_start = start + body.len() - argument.len();
        let found = self.find(name).filter(|found| !colon || !found.entry.range.is_empty());
        if let ('-', Some(found), Source::Value) = (operator, &found, &self.source) {
            into.overridden.push(Overridden {
                range: argument_start..argument_start + argument.len(),
                text: argument.to_owned(),
                path: found.source.path.to_owned(),
                value: found.entry.range.clone(),
            });
        }
        match (operator, found) {
            ('-' | '?', Some(found)) => self.variable(&found, into, depth),
            ('-', None) | ('+', Some(_)) => self.expand(argument, argument_start, into, depth + 1),
            ('+', None) => Ok(()),
            ('?', None) => Err(format!("the variable {name} is not set in any environment file ({argument})")),
            _ => Err(format!("${{{body}}} is no expression that compose knows")),
        }
    }

    fn plain(&self, name: &str, into: &mut Expanded, depth: usize) -> Result<(), String> {
        let found = self.find(name).ok_or_else(|| format!("the variable {name} is not set in any environment file"))?;
        self.variable(&found, into, depth)
    }

    fn find(&self, name: &str) -> Option<Found<'_, '_>> {
        let (file, index) = self.before;
        self.variables.find_before(name, file, index)
    }

    fn variable(&self, found: &Found<'_, '_>, into: &mut Expanded, depth: usize) -> Result<(), String> {
        let text = &found.source.text[found.entry.range.clone()];
        let source = Source::Variable { path: found.source.path.to_owned(), name: found.entry.name.clone() };
        let start = found.entry.range.start;
        match found.entry.quotes {
            Quotes::Single => into.push(text, Some(Origin { source, start })),
            Quotes::Double if text.contains('\\') => into.push(&unescaped(text), None),
            Quotes::None | Quotes::Double => {
                let inner = Context { variables: self.variables, source, before: (found.file, found.index) };
                inner.expand(text, start, into, depth + 1)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "pieces may have no origin; these always do")]
    fn origin(&self, start: usize) -> Option<Origin> {
        Some(Origin { source: self.source.clone(), start })
    }
}

fn name_length(text: &str) -> usize {
    let letters = |next: char| next.is_ascii_alphabetic() || next == '_';
    if !text.starts_with(letters) {
        return 0;
    }
    text.find(|next: char| !letters(next) && !next.is_ascii_digit()).unwrap_or(text.len())
}

/// Where the brace closes that opened before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, next) in text.char_indices() {
        match next {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match (next, next == '\\') {
            (_, true) => match rest.next() {
                Some('n') => result.push('\n'),
                Some('t') => result.push('\t'),
                Some('r') => result.push('\r'),
                Some(other) => result.push(other),
                None => result.push('\\'),
            },
            (next, false) => result.push(next),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::File;

    const ENV: &str = "TAG=1.2\nEMPTY=\nIMG=repo:${TAG}\nQ='$TAG'\nSELF=$SELF\nE=\"a\\tb\"";

    fn check(text: &str, expected: Result<&str, &str>) {
        let file = File { path: ".env", text: ENV };
        let found = expand(text, &Variables::read(vec![file], None));
        for piece in found.iter().flat_map(|expanded| &expanded.pieces) {
            if let Some(Origin { source, start }) = &piece.origin {
                let whole = if *source == Source::Value { text } else { ENV };
                assert!(whole[*start..].starts_with(&piece.text), "{piece:?} does not stand there");
            }
        }
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.text(), expected, "{text}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
            (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn all_forms_expand() {
        check("x:1", Ok("x:1"));
        check("x:$TAG-alpine", Ok("x:1.2-alpine"));
        check("x:${TAG}", Ok("x:1.2"));
        check("x:${NONE:-3}", Ok("x:3"));
        check("x:${NONE-3}", Ok("x:3"));
        check("x:${EMPTY-3}", Ok("x:"));
        check("x:${EMPTY:-3}", Ok("x:3"));
        check("x:${A:-${B:-${TAG}}}", Ok("x:1.2"));
        check("x${TAG:+:on}${NONE:+off}", Ok("x:on"));
        check("${IMG:?no image}", Ok("repo:1.2"));
        check("$$x", Ok("$x"));
        check("$Q", Ok("$TAG"));
        check("$E", Ok("a\tb"));
    }

    #[test]
    fn what_cannot_expand_says_why() {
        check("$NONE", Err("NONE is not set"));
        check("${NONE:?set it}", Err("set it"));
        check("${TAG", Err("not closed"));
        check("$1", Err("begins no variable"));
        check("${TAG/x}", Err("no expression"));
        check("$SELF", Err("SELF is not set"));
    }
}
