//! From a range of an expanded value to the bytes that it comes from.

use std::ops::Range;

use super::Change;
use crate::interpolate::{Expanded, Origin, Piece, Source};

/// The text that has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The value in the compose file.
    Value,
    /// An environment file, by its path.
    EnvFile(String),
}

/// Finds the one place that, changed, makes `range` of the expanded value read `text`.
///
/// When the range is made of several pieces, as in `${VERSION}-alpine`, one of them must be able to make the whole
/// difference.
pub(super) fn find(expanded: &Expanded, range: &Range<usize>, text: &str) -> Result<(Place, Change), String> {
    if range.is_empty() {
        return insertion(expanded, range.start, text);
    }
    let pieces = expanded.touching(range);
    let cut: Vec<_> = pieces.iter().map(|(place, piece)| (clip(place, range), place.start, *piece)).collect();
    let part = |clipped: &Range<usize>, start: usize, piece: &Piece| {
        piece.text[clipped.start - start..clipped.end - start].to_owned()
    };
    let parts: Vec<_> = cut.iter().map(|(clipped, start, piece)| part(clipped, *start, piece)).collect();
    let candidates: Vec<_> = (0..cut.len())
        .filter_map(|varying| {
            let (before, after) = (parts[..varying].concat(), parts[varying + 1..].concat());
            let middle = text.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
            (!middle.is_empty() || parts[varying].is_empty()).then(|| (varying, middle.to_owned()))
        })
        .collect();
    match candidates.as_slice() {
        [(varying, middle)] => {
            let (clipped, start, piece) = &cut[*varying];
            let (place, origin) = origin(piece)?;
            let at = |index: usize| origin + index - start;
            Ok((place, (at(clipped.start)..at(clipped.end), middle.clone())))
        }
        _ => Err(format!("its tag is put together from {} parts; write it as one", parts.len())),
    }
}

/// Text to be inserted goes behind the byte before it.
fn insertion(expanded: &Expanded, at: usize, text: &str) -> Result<(Place, Change), String> {
    let last = at.saturating_sub(1);
    let (range, piece) =
        expanded.touching(&(last..at)).into_iter().next().ok_or("there is no place for its tag".to_owned())?;
    let (place, origin) = origin(piece)?;
    let at = origin + at - range.start;
    Ok((place, (at..at, text.to_owned())))
}

fn origin(piece: &Piece) -> Result<(Place, usize), String> {
    match &piece.origin {
        Some(Origin { source: Source::Value, start }) => Ok((Place::Value, *start)),
        Some(Origin { source: Source::Variable { path, .. }, start }) => Ok((Place::EnvFile(path.clone()), *start)),
        None => Err("its tag is written with escapes; write it plainly".to_owned()),
    }
}

fn clip(place: &Range<usize>, range: &Range<usize>) -> Range<usize> {
    place.start.max(range.start)..place.end.min(range.end)
}
