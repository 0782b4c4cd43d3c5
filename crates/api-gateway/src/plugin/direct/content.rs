//! The body of an answer on its way from a plugin to a client.

use std::io::Write as _;

use super::{
    answer::{Fault, Length},
    chunks::Chunks,
};
use crate::listener::Buffer;

/// What is still to come of a body.
#[derive(Debug)]
pub(super) enum Content {
    Exactly(u64),
    Chunked(Chunks),
    UntilEnd { is_over: bool },
}

impl Content {
    pub(super) const fn new(length: Length) -> Self {
        match length {
            Length::Nothing => Self::Exactly(0),
            Length::Exactly(length) => Self::Exactly(length),
            Length::Chunked => Self::Chunked(Chunks::new()),
            Length::UntilEnd => Self::UntilEnd { is_over: false },
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        match self {
            Self::Exactly(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_over(),
            Self::UntilEnd { is_over } => *is_over,
        }
    }

    /// Writes for the client what came of the body, and leaves what came after it.
    pub(super) fn pass(&mut self, heard: &mut Buffer, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::Exactly(left) => {
                let length = usize::try_from(*left).map_or(heard.len(), |left| left.min(heard.len()));
                out.extend_from_slice(&heard[..length]);
                heard.consume(length);
                *left -= length as u64;
            }
            Self::Chunked(chunks) => {
                let mut read = 0;
                while read < heard.len() && !chunks.is_over() {
                    let (length, data) = chunks.next(&heard[read..])?;
                    chunk(out, data);
                    read += length;
                }
                heard.consume(read);
                if chunks.is_over() {
                    last_chunk(out);
                }
            }
            Self::UntilEnd { .. } => {
                chunk(out, heard);
                heard.clear();
            }
        }
        Ok(())
    }

    /// The plugin hung up.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Self::UntilEnd { is_over } = self else { return Err(Fault::Short) };
        *is_over = true;
        last_chunk(out);
        Ok(())
    }
}

/// Chunks are written anew, so that what a plugin could have put between them arrives nowhere.
fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if !data.is_empty() {
        // A vector takes everything.
        drop(write!(out, "{:x}\r\n", data.len()));
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

fn last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: Length, pieces: &[&str], expected: &str, left: &str) {
        let (mut content, mut out, mut heard) = (Content::new(length), Vec::new(), Buffer::default());
        for piece in pieces {
            assert!(!content.is_over(), "{length:?} {pieces:?}");
            heard.room().extend_from_slice(piece.as_bytes());
            content.pass(&mut heard, &mut out).unwrap();
        }
        if length == Length::UntilEnd {
            content.end(&mut out).unwrap();
        } else if !content.is_over() {
            assert!(matches!(content.end(&mut out), Err(Fault::Short)));
        }
        assert_eq!(
            (String::from_utf8_lossy(&out).as_ref(), String::from_utf8_lossy(&heard).as_ref()),
            (expected, left)
        );
    }

    #[test]
    fn a_body_arrives_as_it_is() {
        check(Length::Exactly(5), &["ab", "cdefg"], "abcde", "fg");
        check(Length::Exactly(5), &["ab"], "ab", "");
        check(
            Length::Chunked,
            &["2;x=y\r\nab\r", "\n1\r\nc\r\n0\r\nA: b\r\n\r\nrest"],
            "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "rest",
        );
        check(Length::Chunked, &["2\r\nab\r\n"], "2\r\nab\r\n", "");
        check(Length::UntilEnd, &["0123456789abcdef", "x"], "10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n", "");
    }
}
