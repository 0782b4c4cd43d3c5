//! The chunked coding of a body (RFC 9112, 7.1), read as strictly as it is written down.

/// Bytes that the line of a size may have with what follows the size, and the trailers together.
const LINE_MOST: usize = 256;
const TRAILERS_MOST: usize = 16 << 10;
/// Hexadecimal digits of 64 bits.
const DIGITS_MOST: u8 = 16;

/// How far a body has been read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    /// Bytes of the present line, or of all trailers.
    line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size {
        size: u64,
        digits: u8,
    },
    /// Something after a size that nobody needs.
    Extension {
        size: u64,
    },
    SizeLineFeed {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataLineFeed,
    Trailer {
        is_empty: bool,
    },
    TrailerLineFeed {
        is_empty: bool,
    },
    End,
}

/// A body that is not what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadChunk;

impl Chunks {
    pub(super) const fn new() -> Self {
        Self { at: At::Size { size: 0, digits: 0 }, line: 0 }
    }

    /// Whether the last byte has been read.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// Reads on until there is some content, or nothing more to read. Returns how much was read, and the content.
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<(usize, &'a [u8]), BadChunk> {
        let mut read = 0;
        while let Some(byte) = bytes.get(read) {
            match self.at {
                At::End => break,
                At::Data { left } => {
                    let rest = &bytes[read..];
                    let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    let left = left - taken as u64;
                    self.at = if left == 0 { At::DataReturn } else { At::Data { left } };
                    return Ok((read + taken, &rest[..taken]));
                }
                at => self.at = self.step(at, *byte)?,
            }
            read += 1;
        }
        Ok((read, &[]))
    }

    /// What follows a byte that is no content.
    fn step(&mut self, at: At, byte: u8) -> Result<At, BadChunk> {
        self.line += 1;
        let is_text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        let most = if matches!(at, At::Trailer { .. }) { TRAILERS_MOST } else { LINE_MOST };
        if self.line > most {
            return Err(BadChunk);
        }
        Ok(match (at, byte) {
            (At::Size { size, digits }, b'\r') if digits > 0 => At::SizeLineFeed { size },
            (At::Size { size, digits }, b';' | b' ' | b'\t') if digits > 0 => At::Extension { size },
            (At::Size { size, digits }, _) if digits < DIGITS_MOST => {
                let digit = char::from(byte).to_digit(16).ok_or(BadChunk)?;
                At::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (At::Extension { size }, b'\r') => At::SizeLineFeed { size },
            (At::Extension { size }, _) if is_text => At::Extension { size },
            (At::SizeLineFeed { size }, b'\n') => {
                self.line = 0;
                if size == 0 { At::Trailer { is_empty: true } } else { At::Data { left: size } }
            }
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => {
                self.line = 0;
                At::Size { size: 0, digits: 0 }
            }
            (At::Trailer { is_empty }, b'\r') => At::TrailerLineFeed { is_empty },
            (At::Trailer { .. }, _) if is_text => At::Trailer { is_empty: false },
            (At::TrailerLineFeed { is_empty: true }, b'\n') => At::End,
            (At::TrailerLineFeed { is_empty: false }, b'\n') => At::Trailer { is_empty: true },
            _ => return Err(BadChunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All content of a body that comes in pieces of this size, whether it ended, and what is left.
    fn read(body: &str, piece: usize) -> Result<(String, bool, usize), BadChunk> {
        let (mut chunks, mut content, mut read) = (Chunks::new(), Vec::new(), 0);
        for mut piece in body.as_bytes().chunks(piece) {
            while !piece.is_empty() && !chunks.is_over() {
                let (length, data) = chunks.next(piece)?;
                content.extend_from_slice(data);
                read += length;
                piece = &piece[length..];
            }
        }
        Ok((String::from_utf8(content).unwrap(), chunks.is_over(), body.len() - read))
    }

    fn check(body: &str, expected: Result<(&str, bool, usize), BadChunk>) {
        let expected = expected.map(|(content, is_over, left)| (content.to_owned(), is_over, left));
        for piece in [1, 2, 3, 5, 1000] {
            assert_eq!(read(body, piece), expected, "{body:?} in pieces of {piece}");
        }
    }

    #[test]
    fn a_body_is_read_however_it_comes() {
        check("0\r\n\r\n", Ok(("", true, 0)));
        check("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", Ok(("abc0123456789", true, 0)));
        check("3;name=\"value\"\r\nabc\r\n000\r\nX-Trailer: 1\r\nY: 2\r\n\r\nrest", Ok(("abc", true, 4)));
        check("3\r\nab", Ok(("ab", false, 0)));
        check("", Ok(("", false, 0)));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for body in [
            "\r\n",
            "x\r\n",
            "+3\r\nabc\r\n",
            " 3\r\nabc\r\n",
            "3\nabc\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "0x3\r\nabc\r\n",
            "11111111111111111\r\n",
            "0\r\n\n",
            "0\r\nA: \u{1}\r\n\r\n",
            "3 ;\u{7f}\r\n",
        ] {
            let read = read(body, 1000);
            assert_eq!(read, Err(BadChunk), "{body:?}");
        }
        assert_eq!(read(&format!("1;{}\r\na\r\n", "x".repeat(LINE_MOST)), 1000), Err(BadChunk));
        assert_eq!(read(&format!("0\r\n{}\r\n", "x: y\r\n".repeat(TRAILERS_MOST / 6)), 1000), Err(BadChunk));
    }
}
