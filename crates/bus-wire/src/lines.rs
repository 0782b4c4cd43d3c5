//! Cutting what comes in into lines.

use bytes::{Buf as _, BytesMut};

/// Bytes that came in and are no whole line yet. Holds no memory between lines.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: BytesMut,
    /// Bytes at the beginning of the buffer that are known to hold no newline.
    searched: usize,
}

/// A line is longer than the longest one that is taken; where the next one begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl Lines {
    /// The next whole line, its newline included; none if more bytes are needed.
    pub fn cut(&mut self) -> Result<Option<BytesMut>, TooLong> {
        let found = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let length = match found {
            Some(place) => self.searched + place + 1,
            None => self.buffer.len(),
        };
        if length > crate::EVENT_MAX || (found.is_none() && length == crate::EVENT_MAX) {
            return Err(TooLong);
        }
        if found.is_none() {
            self.searched = length;
            return Ok(None);
        }
        self.searched = 0;
        Ok(Some(self.buffer.split_to(length)))
    }

    /// What stands behind the last newline, once nothing more comes.
    pub fn rest(&mut self) -> Option<BytesMut> {
        self.searched = 0;
        let rest = std::mem::take(&mut self.buffer);
        rest.has_remaining().then_some(rest)
    }

    /// Where to put what comes in, with room for at least so many bytes.
    pub fn room(&mut self, bytes: usize) -> &mut BytesMut {
        if self.buffer.is_empty() {
            // What it was cut from is shared with the lines, and goes with the last of them.
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(bytes);
        &mut self.buffer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::EVENT_MAX;

    fn all(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, TooLong> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.room(piece.len()).extend_from_slice(piece);
            while let Some(line) = lines.cut()? {
                found.push(line.to_vec());
            }
        }
        found.extend(lines.rest().map(|rest| rest.to_vec()));
        Ok(found)
    }

    #[test]
    fn lines_end_with_a_newline_or_with_everything() {
        assert_eq!(all(&[b"a\nb", b"c\n\nd"]).unwrap(), [&b"a\n"[..], b"bc\n", b"\n", b"d"]);
        assert!(all(&[]).unwrap().is_empty());
    }

    #[test]
    fn the_longest_line_is_taken_and_one_byte_more_is_not() {
        let mut longest = vec![b'x'; EVENT_MAX - 1];
        assert_eq!(all(&[&longest, b"\nnext"]).unwrap()[1], b"next");
        longest.push(b'x');
        assert_eq!(all(&[&longest]), Err(TooLong));
        assert_eq!(all(&[&longest, b"\n"]), Err(TooLong));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_come_in(text in "[ab\n]{0,40}", places in prop::collection::vec(0..40usize, 0..6)) {
            let bytes = text.as_bytes();
            let mut places: Vec<_> = places.into_iter().map(|place| place.min(bytes.len())).collect();
            places.sort_unstable();
            let bounds = std::iter::once(0).chain(places.iter().copied()).zip(places.iter().copied().chain([bytes.len()]));
            let pieces: Vec<_> = bounds.map(|(from, to)| &bytes[from..to]).collect();
            prop_assert_eq!(all(&pieces), all(&[bytes]));
        }
    }
}
