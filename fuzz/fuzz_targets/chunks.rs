//! Bodies in chunks as plugins send them: read alike in whatever pieces they come, and never past their end.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file itself: the crate around it is a whole gateway.
#[allow(dead_code)]
#[path = "../../crates/api-gateway/src/plugin/direct/chunks.rs"]
mod chunks;

use chunks::Chunks;

/// Content, whether it ended, and how much of the bytes belongs to it. None: it cannot be read.
fn read(bytes: &[u8], piece: usize) -> Option<(Vec<u8>, bool, usize)> {
    let (mut chunks, mut content, mut read) = (Chunks::new(), Vec::new(), 0);
    for mut piece in bytes.chunks(piece) {
        while !piece.is_empty() && !chunks.is_over() {
            let (length, data) = chunks.next(piece).ok()?;
            assert!(length > 0 && data.len() <= length, "it does not stand still");
            content.extend_from_slice(data);
            read += length;
            piece = &piece[length..];
        }
    }
    Some((content, chunks.is_over(), read))
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, bytes.len().max(1));
    for piece in [1, 2, 7] {
        assert_eq!(read(bytes, piece), whole, "in pieces of {piece}");
    }
    if let Some((_, true, length)) = whole {
        assert!(bytes[..length].ends_with(b"\r\n"), "a body ends with an empty line");
        assert_eq!(read(&bytes[..length], 3), whole, "what comes after it is nothing of it");
    }
});
