//! How often something happens.

use jiff::Timestamp;

/// Seconds that are counted, the present one included.
const SECONDS: usize = 10;

/// Events in each of the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    counts: [u32; SECONDS],
    /// The second that was counted last.
    second: i64,
}

impl Rate {
    /// Something happened.
    pub(super) fn add(&mut self, now: Timestamp) {
        self.advance(now);
        let count = &mut self.counts[slot(self.second)];
        *count = count.saturating_add(1);
    }

    /// How often a second, over the last ten.
    pub(super) fn per_second(&mut self, now: Timestamp) -> f64 {
        self.advance(now);
        self.counts.iter().map(|count| f64::from(*count)).sum::<f64>() / 10.0
    }

    /// Forgets the seconds that are too long ago.
    fn advance(&mut self, now: Timestamp) {
        let second = now.as_second();
        let first = self.second.max(second - 10);
        for passed in first..second {
            self.counts[slot(passed + 1)] = 0;
        }
        self.second = self.second.max(second);
    }
}

fn slot(second: i64) -> usize {
    usize::try_from(second.rem_euclid(10)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_count() {
        let at = |second: i64| Timestamp::from_second(1_784_800_000 + second).unwrap();
        let mut rate = Rate::default();
        for second in [0, 0, 3] {
            rate.add(at(second));
        }
        let mut check = |second: i64, expected: f64| {
            let found = rate.per_second(at(second));
            assert!((found - expected).abs() < 0.001, "{found} at {second}");
        };
        check(3, 0.3);
        check(9, 0.3);
        check(10, 0.1);
        check(12, 0.1);
        check(13, 0.0);
        check(99, 0.0);
    }
}
