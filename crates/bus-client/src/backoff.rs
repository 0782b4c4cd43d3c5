//! How long to wait before the bus is tried again.

use std::time::Duration;

/// A restart of the bus takes less than a second, so the first attempts are close together.
const FIRST: Duration = Duration::from_millis(100);
/// Beyond this, waiting longer saves nothing on a local socket.
const LONGEST: Duration = Duration::from_secs(2);

/// 100 ms, doubled each time, up to 2 s.
#[derive(Debug, Clone)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self(FIRST)
    }

    /// The wait before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_seconds() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..7).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
