//! Whether the record is what was written.

use homeport_store::Store;

use super::chain::Hash;
use crate::{
    error::AuthError,
    store::audit::{self as table, Ends, Row},
};

/// Rows that are read at once.
const PAGE: u32 = 1000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Rows that were read.
    pub(crate) rows: u64,
    /// Number of the first row that is not what was written, and what is wrong with it.
    pub(crate) broken: Option<(i64, String)>,
    /// Hash of the newest row.
    pub(crate) head: Vec<u8>,
}

/// Follows the chain from its beginning to its end, at one moment.
pub(super) async fn verify(store: &Store) -> Result<Verdict, AuthError> {
    let mut moment = store.reader().begin().await?;
    // What cannot even be read is as broken as what reads differently.
    let ends = match table::ends(&mut moment).await {
        Ok(ends) => ends,
        Err(error) => return Ok(Verdict { rows: 0, broken: Some((0, unreadable(&error))), head: Vec::new() }),
    };
    let mut walk = Walk::from(&ends);
    loop {
        match table::page(&mut moment, walk.number, PAGE).await {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => {
                for row in &rows {
                    if let Err(reason) = walk.step(row) {
                        return Ok(walk.broken(row.number, reason, &ends));
                    }
                }
            }
            Err(error) => return Ok(walk.broken(walk.number + 1, unreadable(&error), &ends)),
        }
    }
    if let Err(reason) = walk.arrive(&ends) {
        return Ok(walk.broken(walk.number + 1, reason, &ends));
    }
    // The chain covers the rows; what leads to them, and the spare bytes around, is SQLite's.
    match table::integrity(&mut moment).await {
        Ok(text) if text == "ok" => Ok(Verdict { rows: walk.rows, broken: None, head: ends.last_hash }),
        Ok(text) => Ok(walk.broken(0, format!("the database file is damaged: {text}"), &ends)),
        Err(error) => Ok(walk.broken(0, unreadable(&error), &ends)),
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> String {
    format!("it cannot be read: {}", homeport_service::telemetry::chain(error))
}

/// How far the chain holds.
struct Walk {
    number: i64,
    hash: Result<Hash, ()>,
    rows: u64,
}

impl Walk {
    fn from(ends: &Ends) -> Self {
        Self { number: ends.first_number, hash: Hash::try_from(ends.first_hash.as_slice()).map_err(drop), rows: 0 }
    }

    fn step(&mut self, row: &Row) -> Result<(), String> {
        let before = self.hash.map_err(|()| "the hash that the record begins with is damaged".to_owned())?;
        if row.number != self.number + 1 {
            return Err(format!("rows are missing: the one before is {}", self.number));
        }
        let hash = row.entry.hash_after(&before, row.number);
        if hash[..] != row.hash[..] {
            return Err("its hash does not match what it says, or the row before it".to_owned());
        }
        (self.number, self.hash, self.rows) = (row.number, Ok(hash), self.rows + 1);
        Ok(())
    }

    fn arrive(&self, ends: &Ends) -> Result<(), String> {
        if self.number != ends.last_number {
            return Err(format!("rows are missing at the end: the last one was {}", ends.last_number));
        }
        match self.hash {
            Ok(hash) if hash[..] == ends.last_hash[..] => Ok(()),
            _ => Err("the newest row is not the one that was written last".to_owned()),
        }
    }

    fn broken(&self, number: i64, reason: String, ends: &Ends) -> Verdict {
        Verdict { rows: self.rows, broken: Some((number, reason)), head: ends.last_hash.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Entry;

    fn rows(count: i64) -> (Vec<Row>, Ends) {
        let mut hash = Hash::default();
        let rows: Vec<Row> = (1..=count)
            .map(|number| {
                let entry = Entry { at: number, action: "x".to_owned(), ..Entry::default() };
                hash = entry.hash_after(&hash, number);
                Row { number, entry, hash: hash.to_vec() }
            })
            .collect();
        let ends = Ends { first_number: 0, first_hash: vec![0; 32], last_number: count, last_hash: hash.to_vec() };
        (rows, ends)
    }

    fn check(rows: &[Row], ends: &Ends) -> Result<(), (i64, String)> {
        let mut walk = Walk::from(ends);
        for row in rows {
            walk.step(row).map_err(|reason| (row.number, reason))?;
        }
        walk.arrive(ends).map_err(|reason| (walk.number + 1, reason))
    }

    #[test]
    fn what_was_written_holds() {
        let (rows, ends) = rows(5);
        assert_eq!(check(&rows, &ends), Ok(()));
    }

    #[test]
    fn what_was_changed_removed_or_cut_off_does_not() {
        let (good, ends) = rows(5);
        let mut changed = good.clone();
        changed[2].entry.action = "y".to_owned();
        assert_eq!(check(&changed, &ends).unwrap_err().0, 3);
        let mut rehashed = changed;
        rehashed[2].hash = rehashed[2].entry.hash_after(&good[1].hash.clone().try_into().unwrap(), 3).to_vec();
        assert_eq!(check(&rehashed, &ends).unwrap_err().0, 4, "the next row still holds the old hash");
        let mut gap = good.clone();
        gap.remove(1);
        assert_eq!(check(&gap, &ends).unwrap_err().0, 3);
        assert_eq!(check(&good[..4], &ends).unwrap_err().0, 5);
        let moved = Ends { first_hash: vec![1; 32], ..ends.clone() };
        assert_eq!(check(&good, &moved).unwrap_err().0, 1);
        let short = Ends { last_hash: vec![], ..ends };
        assert!(check(&good, &short).is_err());
    }
}
