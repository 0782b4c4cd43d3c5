//! How many refusals are recorded one by one. Whoever is refused all the time must not fill the disk.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use homeport_proto::auth::v1::{AuditEntry, audit_entry::Outcome};

/// Refusals of one address that are recorded within a minute; the others are counted.
const PER_MINUTE: u32 = 60;
/// Addresses that are told apart within a minute; all others are counted together.
const ADDRESSES: usize = 4096;

/// What happened within the present minute.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    /// Recorded, and only counted.
    addresses: HashMap<String, (u32, u32)>,
    /// Counts of minutes that are over.
    over: Vec<(i64, String, u32)>,
}

impl Refusals {
    /// Whether one more is recorded; if not, it is counted.
    pub(super) fn take(&self, address: &str, second: i64) -> bool {
        let mut minute = self.at(second);
        let (recorded, counted) = minute.entry(address);
        let take = *recorded < PER_MINUTE;
        *(if take { recorded } else { counted }) += 1;
        take
    }

    /// Counts one that could not be recorded.
    pub(super) fn count(&self, address: &str, second: i64) {
        self.at(second).entry(address).1 += 1;
    }

    /// What was only counted, in minutes that are over.
    pub(super) fn summaries(&self, second: i64) -> Vec<AuditEntry> {
        let over = std::mem::take(&mut self.at(second).over);
        let summary = |(minute, address, count): (i64, String, u32)| AuditEntry {
            at: Some(prost_types::Timestamp { seconds: minute * 60 + 59, nanos: 0 }),
            client_address: address,
            action: "refused_repeatedly".to_owned(),
            outcome: Outcome::Refused.into(),
            details: format!(r#"{{"count":{count}}}"#),
            ..AuditEntry::default()
        };
        over.into_iter().map(summary).collect()
    }

    fn at(&self, second: i64) -> MutexGuard<'_, Minute> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = second.div_euclid(60);
        if minute.number != number {
            let ended = std::mem::replace(&mut minute.number, number);
            let addresses = std::mem::take(&mut minute.addresses);
            let counted = addresses.into_iter().filter(|(_, (_, counted))| *counted > 0);
            minute.over.extend(counted.map(|(address, (_, counted))| (ended, address, counted)));
            // Nobody has looked for very long.
            minute.over.truncate(ADDRESSES);
        }
        minute
    }
}

impl Minute {
    fn entry(&mut self, address: &str) -> &mut (u32, u32) {
        let known = self.addresses.contains_key(address) || self.addresses.len() < ADDRESSES;
        self.addresses.entry(if known { address.to_owned() } else { String::new() }).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_told_once() {
        let refusals = Refusals::default();
        let taken = (0..100).filter(|_| refusals.take("192.0.2.1", 600)).count();
        assert_eq!(taken, PER_MINUTE as usize);
        assert!(refusals.take("192.0.2.2", 601), "somebody else is still recorded");
        assert!(refusals.summaries(659).is_empty(), "the minute is not over");
        let summaries = refusals.summaries(660);
        assert_eq!((summaries.len(), summaries[0].details.as_str()), (1, r#"{"count":40}"#));
        assert_eq!(summaries[0].client_address, "192.0.2.1");
        assert!(refusals.summaries(661).is_empty() && refusals.take("192.0.2.1", 661));
    }

    #[test]
    fn addresses_are_bounded() {
        let refusals = Refusals::default();
        for number in 0..ADDRESSES * 2 {
            refusals.take(&number.to_string(), 0);
        }
        assert!(refusals.0.lock().unwrap().addresses.len() <= ADDRESSES + 1);
    }
}
