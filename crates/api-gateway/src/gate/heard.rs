//! Whether auth is heard, and what it said last.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use homeport_proto::auth::v1::{Principal, WatchRevocationsResponse};
use tokio::sync::broadcast;

use super::Caller;

/// Longest silence of auth, which says something every 250 ms, until nothing is believed.
const SILENCE: Duration = Duration::from_millis(750);

/// Changes that may wait for one stream; then it asks whether it concerns it.
const WAITING: usize = 64;

/// When auth was heard last, and who wants to know what it said.
#[derive(Debug)]
pub(super) struct Heard {
    start: Instant,
    /// Milliseconds after the start, and one; zero is never, or no longer.
    last_ms: AtomicU64,
    said: broadcast::Sender<Arc<WatchRevocationsResponse>>,
}

impl Default for Heard {
    fn default() -> Self {
        Self { start: Instant::now(), last_ms: AtomicU64::default(), said: broadcast::Sender::new(WAITING) }
    }
}

impl Heard {
    pub(super) fn now(&self) {
        self.last_ms.store(self.age_ms(Instant::now()) + 1, Ordering::Release);
    }

    pub(super) fn lost(&self) {
        self.last_ms.store(0, Ordering::Release);
    }

    /// Whether it was heard a moment before.
    pub(super) fn is_near(&self, time: Instant) -> bool {
        let last = self.last_ms.load(Ordering::Acquire);
        last > 0 && Duration::from_millis((self.age_ms(time) + 1).saturating_sub(last)) < SILENCE
    }

    pub(super) fn tell(&self, revoked: WatchRevocationsResponse) {
        // Nobody may have a stream open.
        drop(self.said.send(Arc::new(revoked)));
    }

    pub(super) fn follow(&self) -> Revocations {
        Revocations(self.said.subscribe())
    }

    fn age_ms(&self, time: Instant) -> u64 {
        u64::try_from(time.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

/// What auth says to one stream.
#[derive(Debug)]
pub(crate) struct Revocations(broadcast::Receiver<Arc<WatchRevocationsResponse>>);

impl Revocations {
    /// Waits until something ended that may be what this caller is here by.
    pub(crate) async fn concerning(&mut self, caller: &Caller) {
        let by = [Some(&caller.principal), caller.maker.as_ref()];
        loop {
            match self.0.recv().await {
                Ok(revoked) if !by.into_iter().flatten().any(|principal| concerns(&revoked, principal)) => {}
                // Whoever missed some has to ask.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Whether what ended may be this principal's credential.
pub(super) fn concerns(revoked: &WatchRevocationsResponse, principal: &Principal) -> bool {
    revoked.everything
        || (!principal.credential_id.is_empty() && revoked.credential_ids.contains(&principal.credential_id))
        || (!principal.user_id.is_empty() && revoked.user_ids.contains(&principal.user_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(everything: bool, credential: &str, user: &str) -> WatchRevocationsResponse {
        let one = |text: &str| (!text.is_empty()).then(|| text.to_owned()).into_iter().collect();
        WatchRevocationsResponse { everything, credential_ids: one(credential), user_ids: one(user) }
    }

    #[test]
    fn only_what_is_somebodys_concerns_somebody() {
        let ada = Principal { credential_id: "s1".to_owned(), user_id: "ada".to_owned(), ..Principal::default() };
        assert!(concerns(&said(true, "", ""), &ada) && concerns(&said(true, "", ""), &Principal::default()));
        assert!(concerns(&said(false, "s1", ""), &ada) && concerns(&said(false, "", "ada"), &ada));
        assert!(!concerns(&said(false, "s2", "bob"), &ada) && !concerns(&said(false, "", ""), &ada));
    }

    #[test]
    fn it_is_near_from_when_it_is_heard_until_it_is_lost() {
        let heard = Heard::default();
        assert!(!heard.is_near(Instant::now()));
        heard.now();
        assert!(heard.is_near(Instant::now()));
        heard.lost();
        assert!(!heard.is_near(Instant::now()));
    }
}
