//! The engine's frames around the outputs of a container without a terminal: eight bytes, the last four of them the
//! length of what follows.

use bytes::{Buf as _, Bytes};

const HEADER_BYTES: usize = 8;

/// Bytes of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Standard error.
    pub(super) is_error: bool,
    pub(super) bytes: Bytes,
}

/// What stands in the first byte of a header for standard error.
const STANDARD_ERROR: u8 = 2;

/// Takes the frames away, however the bytes were cut on their way.
#[derive(Debug)]
pub(super) struct Demux {
    is_framed: bool,
    header: [u8; HEADER_BYTES],
    /// Bytes of the header that are here.
    known: usize,
    /// Bytes of the present frame that are still to come.
    left: usize,
    /// It is of standard error.
    is_error: bool,
}

impl Demux {
    pub(super) const fn new(is_framed: bool) -> Self {
        Self { is_framed, header: [0; HEADER_BYTES], known: 0, left: 0, is_error: false }
    }

    /// What was printed, out of the next bytes.
    pub(super) fn split(&mut self, mut chunk: Bytes) -> Vec<Piece> {
        if !self.is_framed {
            return vec![Piece { is_error: false, bytes: chunk }];
        }
        let mut pieces = Vec::new();
        while !chunk.is_empty() {
            if self.left > 0 {
                let bytes = chunk.split_to(self.left.min(chunk.len()));
                self.left -= bytes.len();
                pieces.push(Piece { is_error: self.is_error, bytes });
            } else {
                self.take_header(&mut chunk);
            }
        }
        pieces
    }

    fn take_header(&mut self, chunk: &mut Bytes) {
        let count = (HEADER_BYTES - self.known).min(chunk.len());
        chunk.copy_to_slice(&mut self.header[self.known..self.known + count]);
        self.known += count;
        if self.known == HEADER_BYTES {
            self.known = 0;
            let [output, .., a, b, c, d] = self.header;
            self.is_error = output == STANDARD_ERROR;
            self.left = u32::from_be_bytes([a, b, c, d]) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(output: u8, text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[output, 0, 0, 0], &length[..], text].concat()
    }

    proptest! {
        #[test]
        fn s2_8_however_it_is_cut_what_was_printed_comes_out(
            texts in prop::collection::vec((1_u8..3, prop::collection::vec(any::<u8>(), 0..20)), 0..10),
            cuts in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let framed: Vec<u8> = texts.iter().flat_map(|(output, text)| frame(*output, text)).collect();
            let printed: Vec<(bool, u8)> =
                texts.iter().flat_map(|(output, text)| text.iter().map(|byte| (*output == 2, *byte))).collect();
            let (mut demux, mut rest, mut found) = (Demux::new(true), Bytes::from(framed), Vec::new());
            for size in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let chunk = rest.split_to((*size).min(rest.len()));
                let bytes = demux
                    .split(chunk)
                    .into_iter()
                    .flat_map(|Piece { is_error, bytes }| bytes.into_iter().map(move |byte| (is_error, byte)));
                found.extend(bytes);
            }
            prop_assert_eq!(found, printed);
        }
    }

    #[test]
    fn s2_8_a_terminal_has_no_frames() {
        let text = Bytes::from_static(&[1, 0, 0, 0, 0, 0, 0, 1, b'x']);
        assert_eq!(Demux::new(false).split(text.clone()), [Piece { is_error: false, bytes: text }]);
    }
}
