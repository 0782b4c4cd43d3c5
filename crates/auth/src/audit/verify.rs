//! Whether the record is what was written.

use homeport_store::Store;

use super::chain::Hash;
use crate::{
    error::AuthError,
    store::audit::{self as table, Ends, Row},
};

/// Rows that are read at once.
const PAGE: u32 = 1000;

/// A row as somebody kept it elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: i64,
    pub(crate) hash: Hash,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Rows that were read.
    pub(crate) rows: u64,
    /// Number of the first row that is not what was written, and what is wrong with it.
    pub(crate) broken: Option<(i64, String)>,
    /// Hash of the newest row.
    pub(crate) head: Vec<u8>,
    /// Its number.
    pub(crate) head_number: i64,
}

/// Follows the chain from its beginning to its end, at one moment. The row that was kept elsewhere has to be in it: whoever
/// cuts the end off can make the rest hold, and what is kept here can tell nothing of it.
pub(super) async fn verify(store: &Store, kept: Option<Head>) -> Result<Verdict, AuthError> {
    let mut moment = store.reader().begin().await?;
    // What cannot even be read is as broken as what reads differently.
    let ends = match table::ends(&mut moment).await {
        Ok(ends) => ends,
        Err(error) => {
            let broken = Some((0, unreadable(&error)));
            return Ok(Verdict { rows: 0, broken, head: Vec::new(), head_number: 0 });
        }
    };
    let mut walk = Walk::from(&ends);
    // The chain does not lead to them, and lists would show them.
    match table::oldest(&mut moment).await {
        Ok(oldest) => {
            if let Some(number) = oldest.filter(|number| *number <= ends.first_number) {
                let reason = format!("it is older than the record, which begins after row {}", ends.first_number);
                return Ok(walk.broken(number, reason, &ends));
            }
        }
        Err(error) => return Ok(walk.broken(0, unreadable(&error), &ends)),
    }
    if let Some(kept) = kept
        && let Some(reason) = kept.missing(&ends)?
    {
        return Ok(walk.broken(kept.number, reason, &ends));
    }
    loop {
        match table::page(&mut moment, walk.number, PAGE).await {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => {
                for row in &rows {
                    let is_kept = walk.step(row).and_then(|()| kept.map_or(Ok(()), |kept| kept.check(row)));
                    if let Err(reason) = is_kept {
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
        Ok(text) if text == "ok" => {
            Ok(Verdict { rows: walk.rows, broken: None, head: ends.last_hash, head_number: ends.last_number })
        }
        Ok(text) => Ok(walk.broken(0, format!("the database file is damaged: {text}"), &ends)),
        Err(error) => Ok(walk.broken(0, unreadable(&error), &ends)),
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> String {
    format!("it cannot be read: {}", homeport_service::telemetry::chain(error))
}

impl Head {
    /// Why the row cannot be among those that are there, if so.
    fn missing(self, ends: &Ends) -> Result<Option<String>, AuthError> {
        let Self { number, hash } = self;
        if number < ends.first_number {
            return Err(AuthError::AuditPruned { number, oldest: ends.first_number + 1 });
        }
        if number > ends.last_number {
            return Ok(Some(format!("it is missing, with all after the last one, which is {}", ends.last_number)));
        }
        // Of the last one that was pruned the hash is still there.
        Ok((number == ends.first_number && hash[..] != ends.first_hash[..]).then(another))
    }

    /// Whether a row is this one, or has another number.
    fn check(self, row: &Row) -> Result<(), String> {
        if row.number == self.number && row.hash[..] != self.hash[..] { Err(another()) } else { Ok(()) }
    }
}

fn another() -> String {
    "its hash is not the one that was kept".to_owned()
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
        let (head, head_number) = (ends.last_hash.clone(), ends.last_number);
        Verdict { rows: self.rows, broken: Some((number, reason)), head, head_number }
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
    fn a_row_that_was_kept_elsewhere_is_there_or_not() {
        let (rows, ends) = rows(5);
        let ends = Ends { first_number: 2, first_hash: rows[1].hash.clone(), ..ends };
        let head = |number: i64| Head { number, hash: rows.get(3).unwrap().hash.clone().try_into().unwrap() };
        assert_eq!(head(4).missing(&ends).unwrap(), None);
        assert!(rows[2..].iter().all(|row| head(4).check(row).is_ok()), "it is the fourth");
        assert!(head(5).check(&rows[4]).is_err(), "it is not the fifth");
        assert!(head(6).missing(&ends).unwrap().unwrap().contains("the last one, which is 5"));
        assert!(head(1).missing(&ends).unwrap_err().to_string().contains("the oldest is 3"));
        assert!(head(2).missing(&ends).unwrap().is_some(), "the hash of the second is another");
        let pruned = Head { number: 2, hash: rows[1].hash.clone().try_into().unwrap() };
        assert_eq!(pruned.missing(&ends).unwrap(), None);
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
    #[tokio::test]
    async fn a_row_from_before_the_beginning_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::open(&directory.path().join("auth.db")).await.unwrap();
        let audit = crate::audit::Audit::new(store.clone(), 10);
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        audit.append(vec![Entry { action: "x".to_owned(), ..Entry::default() }; 25], now).await.unwrap();
        let verdict = audit.verify(None).await.unwrap();
        assert_eq!((verdict.broken, verdict.rows, verdict.head_number), (None, 10, 25));
        for number in [15, 0, -3] {
            let mut transaction = store.begin().await.unwrap();
            table::insert(&mut transaction, number, &Entry::default(), &[0; 32]).await.unwrap();
            transaction.commit().await.unwrap();
            let verdict = audit.verify(None).await.unwrap();
            assert_eq!((verdict.broken.unwrap().0, verdict.rows), (number, 0));
        }
    }
}
