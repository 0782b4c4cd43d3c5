//! How many refusals are recorded one by one. Whoever is refused all the time must not fill the disk, nor push out of the
//! record what others did: not from one address, not from a household's 2^64, and not from thousands of machines at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use homeport_proto::auth::v1::{AuditEntry, audit_entry::Outcome};
use homeport_service::address::household;

/// Refusals of one address that are recorded within a minute; the others are counted.
const PER_MINUTE: u32 = 60;
/// The same within an hour: a fifth of all, so that one that goes on and on does not hide what others are refused.
const PER_ADDRESS: u32 = 120;
/// Rows of all addresses within an hour, those included that say how many were counted. More than that is one row with a
/// number. The 200 000 rows that are kept hold two weeks of it.
const PER_HOUR: u32 = 600;
/// Addresses that are told apart within an hour; all others are counted together.
const ADDRESSES: usize = 4096;
/// Rows that are given away at once; auth takes 1000.
const BATCH: usize = 256;

/// What happened within the present hour.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Hour>);

#[derive(Debug, Default)]
struct Hour {
    /// The minute that is counted.
    minute: i64,
    /// Rows of this hour.
    rows: u32,
    addresses: HashMap<String, Counts>,
    /// Refusals of this hour that no row tells of yet, and none has room for.
    left_out: u64,
    /// Rows about minutes and hours that are over.
    over: Vec<AuditEntry>,
}

/// Refusals of one address.
#[derive(Debug, Default)]
struct Counts {
    /// Recorded within the minute.
    in_minute: u32,
    /// Recorded within the hour.
    in_hour: u32,
    /// Only counted within the minute.
    counted: u32,
}

impl Refusals {
    /// Whether one more is recorded; if not, it is counted.
    pub(super) fn take(&self, address: &str, second: i64) -> bool {
        let mut hour = self.at(second);
        let has_room = hour.rows < PER_HOUR;
        let counts = hour.counts(address);
        if has_room && counts.in_minute < PER_MINUTE && counts.in_hour < PER_ADDRESS {
            counts.in_minute += 1;
            counts.in_hour += 1;
            hour.rows += 1;
            return true;
        }
        counts.counted += 1;
        false
    }

    /// Counts one that could not be recorded.
    pub(super) fn count(&self, address: &str, second: i64) {
        self.at(second).counts(address).counted += 1;
    }

    /// Some of what was only counted, in minutes and hours that are over.
    pub(super) fn summaries(&self, second: i64) -> Vec<AuditEntry> {
        let mut hour = self.at(second);
        let count = hour.over.len().min(BATCH);
        hour.over.drain(..count).collect()
    }

    /// All that was only counted until now, for when nothing comes after.
    pub(super) fn rest(&self, second: i64) -> Vec<AuditEntry> {
        let mut hour = self.at(second);
        hour.end_minute();
        hour.end_hour();
        std::mem::take(&mut hour.over)
    }

    fn at(&self, second: i64) -> MutexGuard<'_, Hour> {
        let mut hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = second.div_euclid(60);
        if hour.minute != minute {
            hour.end_minute();
            if hour.minute.div_euclid(60) != minute.div_euclid(60) {
                hour.end_hour();
            }
            hour.minute = minute;
        }
        hour
    }
}

impl Hour {
    fn counts(&mut self, address: &str) -> &mut Counts {
        let network = network(address);
        let is_told_apart = self.addresses.contains_key(&network) || self.addresses.len() < ADDRESSES;
        self.addresses.entry(if is_told_apart { network } else { String::new() }).or_default()
    }

    fn end_minute(&mut self) {
        for (address, counts) in &mut self.addresses {
            counts.in_minute = 0;
            let counted = std::mem::take(&mut counts.counted);
            if counted == 0 {
                continue;
            }
            // Where nobody has looked for very long, there is no room either.
            if self.rows < PER_HOUR && self.over.len() < ADDRESSES {
                self.rows += 1;
                self.over.push(summary(self.minute, address.clone(), counted.into()));
            } else {
                self.left_out += u64::from(counted);
            }
        }
    }

    fn end_hour(&mut self) {
        if self.left_out > 0 && self.over.len() < 2 * ADDRESSES {
            let count = std::mem::take(&mut self.left_out);
            self.over.push(summary(self.minute, String::new(), count));
        }
        self.rows = 0;
        self.addresses.clear();
    }
}

/// A row that says how many were counted, of an address or of all that there was no room for.
fn summary(minute: i64, address: String, count: u64) -> AuditEntry {
    AuditEntry {
        at: Some(prost_types::Timestamp { seconds: minute * 60 + 59, nanos: 0 }),
        client_address: address,
        action: "refused_repeatedly".to_owned(),
        outcome: Outcome::Refused.into(),
        details: format!(r#"{{"count":{count}}}"#),
        ..AuditEntry::default()
    }
}

/// The address, as far as it identifies somebody.
fn network(address: &str) -> String {
    match address.parse().map(household) {
        Ok(IpAddr::V6(address)) => format!("{address}/64"),
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: &[AuditEntry]) -> Vec<(&str, &str)> {
        rows.iter().map(|row| (row.client_address.as_str(), row.details.as_str())).collect()
    }

    fn taken(refusals: &Refusals, address: &str, second: i64, count: usize) -> usize {
        (0..count).filter(|_| refusals.take(address, second)).count()
    }

    #[test]
    fn a_flood_is_counted_and_told_once() {
        let refusals = Refusals::default();
        assert_eq!(taken(&refusals, "192.0.2.1", 600, 100), PER_MINUTE as usize);
        assert!(refusals.take("192.0.2.2", 601), "somebody else is still recorded");
        assert!(refusals.summaries(659).is_empty(), "the minute is not over");
        let summaries = refusals.summaries(660);
        assert_eq!(told(&summaries), [("192.0.2.1", r#"{"count":40}"#)]);
        assert!(refusals.summaries(661).is_empty() && refusals.take("192.0.2.1", 661));
    }

    #[test]
    fn a_household_is_one_address() {
        let refusals = Refusals::default();
        let taken = (0..100).filter(|number| refusals.take(&format!("2001:db8:0:1::{number:x}"), 600)).count();
        assert_eq!(taken, PER_MINUTE as usize);
        assert!(refusals.take("2001:db8:0:2::1", 600), "the neighbours are others");
        assert_eq!(told(&refusals.summaries(660)), [("2001:db8:0:1::/64", r#"{"count":40}"#)]);
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn one_that_goes_on_and_on_leaves_room_for_others() {
        let refusals = Refusals::default();
        let rows: usize = (0..60).map(|minute| taken(&refusals, "192.0.2.1", minute * 60, 100)).sum();
        assert_eq!(rows, PER_ADDRESS as usize);
        assert!(refusals.take("192.0.2.2", 3599));
        assert!(refusals.take("192.0.2.1", 3600), "a new hour");
    }

    #[test]
    fn thousands_fill_no_more_than_an_hours_share_and_are_told_as_a_number() {
        let refusals = Refusals::default();
        let (mut rows, mut tried, mut counted) = (0, 0, 0);
        let mut take_summaries = |refusals: &Refusals, second| {
            let found = refusals.summaries(second);
            let count = |row: &AuditEntry| -> u64 {
                row.details.trim_start_matches(r#"{"count":"#).trim_end_matches('}').parse().unwrap()
            };
            counted += found.iter().map(count).sum::<u64>();
            found.len()
        };
        for minute in 0..60 {
            for number in 0..2000_u32 {
                rows += usize::from(refusals.take(&std::net::Ipv4Addr::from_bits(number).to_string(), minute * 60));
                tried += 1;
            }
            rows += take_summaries(&refusals, minute * 60 + 59);
        }
        let last = rows + take_summaries(&refusals, 3600);
        assert_eq!((rows, last), (PER_HOUR as usize, PER_HOUR as usize + 1), "one row tells of the others");
        assert_eq!(counted, tried - u64::from(PER_HOUR), "none is forgotten");
        assert!(refusals.take("192.0.2.1", 3600), "a new hour");
    }

    #[test]
    fn what_was_counted_is_told_when_nothing_comes_after() {
        let refusals = Refusals::default();
        taken(&refusals, "192.0.2.1", 600, 100);
        assert_eq!(told(&refusals.rest(601)), [("192.0.2.1", r#"{"count":40}"#)]);
        assert!(refusals.rest(601).is_empty());
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
