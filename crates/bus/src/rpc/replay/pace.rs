//! How fast a reader that is far behind catches up.

use std::time::{Duration, Instant};

/// Between two portions while others publish, before the next moment when nobody waits for the disk: somebody who is far
/// behind can wait, and they need not. Over 4000 events a second are still told.
const PAUSE: Duration = Duration::from_millis(7);
/// Others publish for as long as their last event is no older.
const BUSY: Duration = Duration::from_millis(100);
/// How often the distance is looked at. A reader that comes no nearer makes no pauses until the next look: a reader that
/// never arrives would read for ever, which serves nobody.
const LOOK: Duration = Duration::from_secs(1);

/// When to pause.
#[derive(Debug)]
pub(super) struct Pace {
    /// The newest event there was at the last portion.
    newest: u64,
    busy_until: Instant,
    /// When the distance was looked at, and what it was.
    looked: Instant,
    behind: Option<u64>,
    comes_nearer: bool,
}

impl Pace {
    pub(super) const fn new(now: Instant) -> Self {
        Self { newest: 0, busy_until: now, looked: now, behind: None, comes_nearer: true }
    }

    /// How long to pause after a portion that ended at `cursor`, while `newest` is the newest event.
    pub(super) fn pause(&mut self, now: Instant, cursor: u64, newest: u64) -> Option<Duration> {
        if std::mem::replace(&mut self.newest, newest) != newest {
            self.busy_until = now + BUSY;
        }
        let behind = newest.saturating_sub(cursor);
        let due = now.duration_since(self.looked) >= LOOK;
        if self.behind.is_none_or(|_| due) {
            self.comes_nearer = self.behind.is_none_or(|before| behind < before);
            (self.looked, self.behind) = (now, Some(behind));
        }
        (now < self.busy_until && self.comes_nearer).then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_while_others_publish() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(pace.pause(at(0), 10, 1000), Some(PAUSE), "whether they do is not known yet");
        assert_eq!(pace.pause(at(50), 20, 1000), Some(PAUSE));
        assert_eq!(pace.pause(at(100), 30, 1000), None, "nobody has for a tenth of a second");
        assert_eq!(pace.pause(at(200), 40, 1001), Some(PAUSE));
    }

    #[test]
    fn hurries_for_as_long_as_it_comes_no_nearer() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(pace.pause(at(0), 0, 1000).is_some());
        assert!(pace.pause(at(1), 100, 1200).is_none(), "200 are new and 100 were read");
        assert!(pace.pause(at(1), 100, 1201).is_none(), "until the next look");
        assert!(pace.pause(at(2), 500, 1300).is_some());
    }
}
