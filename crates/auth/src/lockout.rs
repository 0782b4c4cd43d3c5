//! Guessing made slow: who fails too often with different guesses has to wait.
//!
//! Kept in memory only. A restart forgets it, and takes longer than the guesses it would allow are worth.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use homeport_service::address::household;
use jiff::{SignedDuration, Timestamp};

/// Who is counted at most. Beyond, whoever failed longest ago is forgotten: 4096 attackers at once, at about 300 bytes.
const ENTRIES_MAX: usize = 4096;

/// Whose failures are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// Wrong passwords from a network address.
    Address(IpAddr),
    /// Failed sign-ins from a network address.
    Login(IpAddr),
    /// Wrong passwords for a user name, whether or not anybody has it.
    Name(String),
    /// Wrong tokens from a network address.
    Tokens(IpAddr),
    /// Wrong proofs of a second factor from a network address.
    Proofs(IpAddr),
    /// Returns from a provider to which nobody was sent, from a network address.
    Returns(IpAddr),
}

impl Subject {
    /// The address, as far as it identifies somebody.
    pub(crate) fn address(text: &str) -> Option<IpAddr> {
        parse(text).map(household)
    }
}

/// Whether an address is this machine's own.
pub(crate) fn is_loopback(text: &str) -> bool {
    parse(text).is_some_and(|address| address.is_loopback())
}

/// An address with or without a port, of the old kind where it is one of those.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

/// When who is locked out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a failure counts.
    pub(crate) window: Duration,
    /// How long a lockout lasts.
    pub(crate) duration: Duration,
}

/// The failures that still count.
#[derive(Debug)]
pub(crate) struct Lockout {
    limits: Limits,
    /// Guesses are remembered as numbers that mean nothing outside this process.
    fingerprints: RandomState,
    entries: Mutex<HashMap<Subject, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Fingerprint and time of each different guess. Never longer than the limit that locks.
    failures: Vec<(u64, Timestamp)>,
    locked_until: Option<Timestamp>,
}

impl Lockout {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, fingerprints: RandomState::new(), entries: Mutex::default() }
    }

    /// How long one still has to wait, if so.
    pub(crate) fn locked(&self, subject: &Subject, now: Timestamp) -> Option<Duration> {
        let until = self.lock().get(subject)?.locked_until?;
        Duration::try_from(now.duration_until(until)).ok().filter(|left| !left.is_zero())
    }

    /// Whether anything counts against a subject.
    pub(crate) fn has_failed(&self, subject: &Subject, now: Timestamp) -> bool {
        let window = SignedDuration::try_from(self.limits.window).unwrap_or(SignedDuration::MAX);
        self.lock().get(subject).is_some_and(|entry| {
            let is_locked = entry.locked_until.is_some_and(|until| until > now);
            is_locked || entry.failures.iter().any(|(_, at)| at.duration_until(now) < window)
        })
    }

    /// Counts a failure. At `limit` different guesses within the window, the subject is locked out.
    pub(crate) fn failed(&self, subject: Subject, guess: impl Hash, limit: usize, now: Timestamp) {
        let fingerprint = self.fingerprints.hash_one(guess);
        let window = SignedDuration::try_from(self.limits.window).unwrap_or(SignedDuration::MAX);
        let mut entries = self.lock();
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(&subject) {
            make_room(&mut entries, now);
        }
        let entry = entries.entry(subject).or_default();
        entry.failures.retain(|(known, at)| *known != fingerprint && at.duration_until(now) < window);
        entry.failures.push((fingerprint, now));
        if entry.failures.len() >= limit {
            entry.failures.clear();
            entry.locked_until = Some(now.saturating_add(self.limits.duration).unwrap_or(Timestamp::MAX));
        }
    }

    /// Forgets a subject.
    pub(crate) fn forgive(&self, subject: &Subject) {
        self.lock().remove(subject);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets whoever failed longest ago, sparing those who are locked out as long as there are others.
fn make_room(entries: &mut HashMap<Subject, Entry>, now: Timestamp) {
    let oldest = entries
        .iter()
        .min_by_key(|(_, entry)| {
            (entry.locked_until.filter(|until| *until > now), entry.failures.last().map(|(_, at)| *at))
        })
        .map(|(subject, _)| subject.clone());
    if let Some(subject) = oldest {
        entries.remove(&subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const LIMITS: Limits = Limits { window: Duration::from_secs(900), duration: Duration::from_secs(300) };

    fn after(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    fn subject() -> Subject {
        Subject::Name("admin".to_owned())
    }

    #[test]
    fn different_guesses_lock_out_for_a_while() {
        let lockout = Lockout::new(LIMITS);
        for guess in 0..3 {
            assert_eq!(lockout.locked(&subject(), after(guess)), None);
            lockout.failed(subject(), guess, 3, after(guess));
        }
        assert_eq!(lockout.locked(&subject(), after(2)), Some(Duration::from_secs(300)));
        assert_eq!(lockout.locked(&subject(), after(301)), Some(Duration::from_secs(1)));
        assert_eq!(lockout.locked(&subject(), after(302)), None);
        assert_eq!(lockout.locked(&Subject::Name("other".to_owned()), after(2)), None);
    }

    #[test]
    fn the_same_guess_counts_once() {
        let lockout = Lockout::new(LIMITS);
        for second in 0..100 {
            lockout.failed(subject(), "the same", 2, after(second));
        }
        assert_eq!(lockout.locked(&subject(), after(100)), None);
    }

    #[test]
    fn old_failures_do_not_count() {
        let lockout = Lockout::new(LIMITS);
        lockout.failed(subject(), 1, 2, START);
        lockout.failed(subject(), 2, 2, after(900));
        assert_eq!(lockout.locked(&subject(), after(900)), None);
    }

    #[test]
    fn a_failure_counts_for_a_while_and_a_lockout_to_its_end() {
        let lockout = Lockout::new(LIMITS);
        assert!(!lockout.has_failed(&subject(), START));
        lockout.failed(subject(), 1, 2, START);
        assert!(lockout.has_failed(&subject(), after(899)) && !lockout.has_failed(&subject(), after(900)));
        lockout.failed(subject(), 2, 2, START);
        assert!(lockout.has_failed(&subject(), after(299)) && !lockout.has_failed(&subject(), after(300)));
    }

    #[test]
    fn a_success_forgives() {
        let lockout = Lockout::new(LIMITS);
        lockout.failed(subject(), 1, 2, START);
        lockout.forgive(&subject());
        lockout.failed(subject(), 2, 2, START);
        assert_eq!(lockout.locked(&subject(), START), None);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_locked_ones() {
        let lockout = Lockout::new(LIMITS);
        lockout.failed(subject(), 1, 1, START);
        for number in 0..5000u32 {
            lockout.failed(Subject::Address(IpAddr::V4(number.into())), 1, 2, after(1));
        }
        assert_eq!(lockout.lock().len(), ENTRIES_MAX);
        assert!(lockout.locked(&subject(), after(1)).is_some());
    }

    #[test]
    fn addresses_are_reduced_to_whom_they_belong() {
        let address = |text| Subject::address(text).map(|address| address.to_string());
        assert_eq!(address("192.0.2.7:4711").as_deref(), Some("192.0.2.7"));
        assert_eq!(address("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(address("2001:db8::1:2:3:4").as_deref(), Some("2001:db8::"));
        assert_eq!(address("[2001:db8::1]:80").as_deref(), Some("2001:db8::"));
        assert_eq!(address(""), None);
        assert_eq!(address("somewhere"), None);
        assert!(["127.0.0.1", "127.1.2.3:80", "::1", "[::1]:80", "::ffff:127.0.0.1"].map(is_loopback) == [true; 5]);
        assert!(["", "192.0.2.7", "::", "::2", "localhost"].map(is_loopback) == [false; 5]);
    }
}
