//! What a reader has read from the disk and not said yet.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use homeport_proto::bus::v1;
use homeport_store::StoreError;
use prost::Message as _;

use super::Log;

/// Bytes of events that are decoded at a time; one event may go beyond it. The bus does nothing else meanwhile, for a
/// twentieth of a millisecond: a publisher that comes in between does not notice.
const PORTION_BYTES: usize = 4 << 10;

/// Some events in order.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) events: Vec<v1::Event>,
    /// Where the next page begins; none if this was the last one.
    pub(crate) to: Option<u64>,
}

/// A row, and the events of it that were not decoded yet.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) last_id: u64,
    pub(super) events: Bytes,
}

/// Rows that were read at once, and are told in portions.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    rows: VecDeque<Row>,
}

impl Ahead {
    /// The next events behind an id.
    pub(crate) async fn next(&mut self, log: &Log, after: u64) -> Result<Page, StoreError> {
        // What was deleted since it was read is told as a gap, and so it is not told as events too.
        if log.expired_to() > after {
            self.rows.clear();
        }
        if self.rows.is_empty() {
            self.rows = log.rows(after).await?;
        }
        self.portion(after)
    }

    fn portion(&mut self, after: u64) -> Result<Page, StoreError> {
        let (mut page, mut bytes) = (Page::default(), 0);
        while bytes < PORTION_BYTES
            && let Some(row) = self.rows.front_mut()
        {
            let before = row.events.remaining();
            while bytes + before - row.events.remaining() < PORTION_BYTES && row.events.has_remaining() {
                let event = v1::Event::decode_length_delimited(&mut row.events)
                    .map_err(|error| StoreError::corrupt("batch.events", error))?;
                page.to = Some(event.id);
                if event.id > after {
                    page.events.push(event);
                }
            }
            bytes += before - row.events.remaining();
            if !row.events.has_remaining() {
                page.to = Some(row.last_id);
                self.rows.pop_front();
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ids: std::ops::RangeInclusive<u64>, value_bytes: usize) -> Row {
        let last_id = *ids.end();
        let mut events = Vec::new();
        for id in ids {
            let event = v1::Event { id, value: "x".repeat(value_bytes), ..Default::default() };
            event.encode_length_delimited(&mut events).unwrap();
        }
        Row { last_id, events: events.into() }
    }

    fn check(rows: Vec<Row>, after: u64, portions: &[&[u64]]) {
        let mut ahead = Ahead { rows: rows.into() };
        let mut after = after;
        for expected in portions {
            let page = ahead.portion(after).unwrap();
            assert_eq!(page.events.iter().map(|event| event.id).collect::<Vec<_>>(), *expected);
            after = page.to.unwrap();
        }
        assert_eq!(ahead.portion(after).unwrap().to, None);
    }

    #[test]
    fn a_row_is_told_in_portions_and_small_rows_together() {
        check(vec![row(1..=5, 2000)], 0, &[&[1, 2, 3], &[4, 5]]);
        check(vec![row(1..=2, 10), row(3..=4, 10)], 0, &[&[1, 2, 3, 4]]);
        check(vec![row(1..=2, 10), row(3..=4, 10)], 3, &[&[4]]);
        check(vec![row(1..=1, 10_000), row(2..=2, 10)], 0, &[&[1], &[2]]);
        check(vec![], 7, &[]);
    }

    #[test]
    fn a_row_of_which_all_is_known_still_moves_on() {
        let mut ahead = Ahead { rows: vec![row(1..=3, 10)].into() };
        let page = ahead.portion(3).unwrap();
        assert_eq!((page.events.len(), page.to), (0, Some(3)));
    }
}
