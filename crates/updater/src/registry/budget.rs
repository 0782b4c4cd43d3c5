//! What a registry allows one identity, and how it is spread over time.

mod limits;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderMap;
use tokio::time::Instant;

pub(super) use limits::{Limits, believed, read, until};

/// Requests that a registry may see at once before they are spaced.
const BURST: u32 = 100;

/// This share of what is allowed is left for pulls, by people and by updates.
const RESERVE: f64 = 0.2;

/// HEADs in a row after each of which less was left than before it: then they count.
const DROPS: u32 = 3;

/// A window whose end the registry does not tell.
const USUAL_WINDOW: Duration = Duration::from_secs(3600);

/// What a request is, as registries count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// A question that Docker Hub does not count: HEAD, lists of tags.
    Question,
    /// A manifest: counts as a pull.
    Pull,
}

/// Who waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Nobody: a check in the background. It keeps to an even pace, and leaves the reserve.
    Background,
    /// A person, or an update.
    Asked,
}

/// What is known of one identity's allowance at one registry.
#[derive(Debug)]
pub(super) struct Budget {
    /// Time that each request takes up. None: the registry is in the house, and is not spaced.
    spacing: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    window: Option<Window>,
    /// Questions are counted too, as it seems.
    questions_count: bool,
    drops: u32,
    /// Up to when requests that went out take up the time.
    taken_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    limit: u32,
    remaining: u32,
    length: Duration,
    ends_at: Instant,
}

impl Budget {
    /// An allowance of which nothing is known yet. `per_second` is how many requests go out at most when it goes on for
    /// long; 0 does not limit them.
    pub(super) fn new(per_second: u32) -> Self {
        let spacing = (per_second > 0).then(|| Duration::from_secs(1) / per_second);
        Self { spacing, state: Mutex::default() }
    }

    /// Takes a request from the allowance. How long it has to wait for the pace; or, as an error, how long until the
    /// allowance has room again.
    pub(super) fn take(&self, cost: Cost, urgency: Urgency) -> Result<Duration, Duration> {
        let (mut state, now) = (self.state.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let counts = cost == Cost::Pull || state.questions_count;
        if let Some(window) = state.window.as_mut().filter(|window| counts && now < window.ends_at) {
            window.admit(urgency, now)?;
            window.remaining = window.remaining.saturating_sub(1);
        }
        Ok(self.spacing.map_or(Duration::ZERO, |spacing| state.space(spacing, now)))
    }

    /// Learns from the headers of an answer.
    pub(super) fn learn(&self, cost: Cost, headers: &HeaderMap) {
        let Some(Limits { limit, remaining, window, reset }) = read(headers) else { return };
        let (mut state, now) = (self.state.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let before = state.window.filter(|before| now < before.ends_at && before.limit == limit);
        if let Some(before) = before {
            let left = if state.questions_count { before.remaining.saturating_add(1) } else { before.remaining };
            state.drops = if cost == Cost::Question && remaining < left { state.drops + 1 } else { 0 };
            state.questions_count |= state.drops >= DROPS;
        }
        // More is left than before: a new window has begun. Answers may overtake each other by a few.
        let is_same = |before: &Window| remaining <= before.remaining.saturating_add(BURST.min(limit / 4));
        let length = window.or(reset).unwrap_or(USUAL_WINDOW);
        let ends_at = match (reset, before.filter(is_same)) {
            (Some(reset), _) => now + reset,
            (None, Some(before)) => before.ends_at,
            (None, None) => now + length,
        };
        state.window = Some(Window { limit, remaining, length, ends_at });
    }

    /// A registry said that it was too much: nothing is left for as long.
    pub(super) fn exhausted(&self, wait: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = &mut state.window {
            window.remaining = 0;
            window.ends_at = window.ends_at.min(Instant::now() + wait);
        }
    }
}

impl Window {
    /// Whether one more request fits: for a person while anything is left, for the background while at least as large a
    /// share is left as there is of the time.
    fn admit(&self, urgency: Urgency, now: Instant) -> Result<(), Duration> {
        let left = self.ends_at - now;
        if self.remaining == 0 {
            return Err(left);
        }
        if urgency == Urgency::Asked {
            return Ok(());
        }
        let share = (f64::from(self.remaining) / f64::from(self.limit.max(1)) - RESERVE) / (1.0 - RESERVE);
        if share <= 0.0 {
            return Err(left);
        }
        let due = self.length.mul_f64(share.min(1.0));
        // A whole pace before its time is close enough: the first request of a window is always due.
        let pace = self.length.mul_f64(1.0 / (f64::from(self.limit.max(1)) * (1.0 - RESERVE)));
        if left <= due + pace { Ok(()) } else { Err(left.saturating_sub(due + pace)) }
    }
}

impl State {
    /// Takes up the time of one request; how long it has to wait so that no more than a burst is ahead.
    fn space(&mut self, spacing: Duration, now: Instant) -> Duration {
        let from = self.taken_until.filter(|until| *until > now).unwrap_or(now);
        let until = from + spacing;
        self.taken_until = Some(until);
        (until - now).saturating_sub(spacing * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(21_600);

    fn said(limit: u32, remaining: u32) -> HeaderMap {
        let header =
            |name: &'static str, number: u32| (name.parse().unwrap(), format!("{number};w=21600").parse().unwrap());
        [header("ratelimit-limit", limit), header("ratelimit-remaining", remaining)].into_iter().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_counted_is_not_held_back() {
        let budget = Budget::new(0);
        budget.learn(Cost::Question, &said(100, 0));
        assert_eq!(budget.take(Cost::Question, Urgency::Background), Ok(Duration::ZERO));
        assert_eq!(budget.take(Cost::Pull, Urgency::Asked), Err(WINDOW), "nothing is left");
        tokio::time::advance(WINDOW).await;
        assert!(budget.take(Cost::Pull, Urgency::Background).is_ok(), "a new window");
    }

    #[tokio::test(start_paused = true)]
    async fn the_background_spreads_over_the_window_and_leaves_the_reserve() {
        let budget = Budget::new(0);
        let (mut remaining, mut taken) = (100, 0);
        budget.learn(Cost::Pull, &said(100, remaining));
        for _ in 0..WINDOW.as_secs() / 60 {
            while budget.take(Cost::Pull, Urgency::Background).is_ok() {
                (remaining, taken) = (remaining - 1, taken + 1);
                budget.learn(Cost::Pull, &said(100, remaining));
            }
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert!((78..=80).contains(&taken), "{taken}");
        let budget = Budget::new(0);
        budget.learn(Cost::Pull, &said(100, 15));
        assert!(budget.take(Cost::Pull, Urgency::Background).is_err(), "the reserve stays");
        assert!(budget.take(Cost::Pull, Urgency::Asked).is_ok(), "for those who ask");
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_counts_questions_is_found_out() {
        let budget = Budget::new(0);
        for remaining in (10..20).rev() {
            budget.take(Cost::Question, Urgency::Background).ok();
            budget.learn(Cost::Question, &said(100, remaining));
        }
        assert!(budget.take(Cost::Question, Urgency::Background).is_err());
        // One that does not count them says the same number each time.
        let budget = Budget::new(0);
        for _ in 0..10 {
            budget.learn(Cost::Question, &said(100, 10));
        }
        assert!(budget.take(Cost::Question, Urgency::Background).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn s8_a_burst_passes_and_then_the_pace_counts() {
        let budget = Budget::new(10);
        for _ in 0..BURST {
            assert_eq!(budget.take(Cost::Question, Urgency::Background), Ok(Duration::ZERO));
        }
        assert_eq!(budget.take(Cost::Question, Urgency::Background), Ok(Duration::from_millis(100)));
        assert_eq!(budget.take(Cost::Question, Urgency::Background), Ok(Duration::from_millis(200)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(budget.take(Cost::Question, Urgency::Background), Ok(Duration::ZERO));
    }
}
