//! Leaving a registry alone that does not work.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row after which a registry is left alone. Existing installations know this number.
const FAILURES: u32 = 5;

/// How long it is left alone before one request tries again.
const PAUSE: Duration = Duration::from_secs(30);

/// Opens after some failures in a row, and lets one request through after a while. Only what says that the registry does
/// not work is a failure: no connection, its own faults, too many requests. That an image is missing or private is an
/// answer like any other.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// No request before then, but one at a time after it.
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may go out now; if not, how long to wait.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = state.open_until else { return Ok(()) };
        let now = Instant::now();
        if now < until {
            return Err(until - now);
        }
        // This one is the probe; the others wait for what comes of it.
        state.open_until = Some(now + PAUSE);
        Ok(())
    }

    /// Notes what came of a request. Whether this failure opened it.
    pub(super) fn note(&self, works: bool) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if works {
            *state = State::default();
            return false;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES {
            return false;
        }
        let was_open = state.open_until.is_some();
        state.open_until = Some(Instant::now() + PAUSE);
        !was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_opens_probes_and_closes() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES - 1 {
            assert!(!breaker.note(false));
            assert!(breaker.admit().is_ok());
        }
        assert!(breaker.note(false), "the fifth opens it");
        assert_eq!(breaker.admit(), Err(PAUSE));
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admit().is_ok(), "one probe");
        assert!(breaker.admit().is_err(), "and no second beside it");
        assert!(!breaker.note(false), "it stays open");
        assert!(breaker.admit().is_err());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admit().is_ok());
        breaker.note(true);
        assert!(breaker.admit().is_ok() && breaker.admit().is_ok(), "closed");
    }

    #[tokio::test(start_paused = true)]
    async fn s8_only_failures_in_a_row_count() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            breaker.note(false);
            breaker.note(false);
            breaker.note(true);
        }
        assert!(breaker.admit().is_ok());
    }
}
