//! Lines of JSON, cut and read.
#![no_main]

use homeport_bus_wire::{
    line::{self, DELIVERED_MAX, Line},
    lines::Lines,
    message,
};
use libfuzzer_sys::fuzz_target;

/// Reads everything, coming in by pieces of this size.
fn read(bytes: &[u8], piece: usize) -> Vec<Option<Line>> {
    let (mut lines, mut found) = (Lines::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        lines.room(piece.len()).extend_from_slice(piece);
        while let Ok(Some(line)) = lines.cut() {
            found.push(line::parse(&line));
        }
    }
    found.extend(lines.rest().map(|rest| line::parse(&rest)));
    found
}

fuzz_target!(|bytes: &[u8]| {
    let found = read(bytes, bytes.len().max(1));
    assert!(found == read(bytes, 3), "it matters how the bytes come in");
    for published in found.into_iter().flatten() {
        let Line::Publish(event) = published else { continue };
        assert!(message::encoded_len(&event) <= bytes.len(), "an event is no longer than its line");
        let mut written = Vec::new();
        if line::append(&mut written, &event) {
            assert!(written.len() <= DELIVERED_MAX && written.ends_with(b"\n"));
            assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
            assert_eq!(line::parse(&written), Some(Line::Publish(event)));
        } else {
            assert!(written.is_empty());
        }
    }
});
