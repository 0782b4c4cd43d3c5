//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Grows from one attempt to the next.
#[derive(Debug)]
pub(super) struct Pause(Option<Duration>);

impl Pause {
    /// Nothing was tried yet: the first attempt is made at once.
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Waits as long as it is time for.
    pub(super) async fn wait(&mut self) {
        if let Some(pause) = self.0 {
            tokio::time::sleep(pause).await;
        }
        self.0 = Some(self.0.map_or(FIRST, |pause| (pause * 2).min(LONGEST)));
    }

    /// An attempt was good: the next one after it waits shortly.
    pub(super) const fn reset(&mut self) {
        self.0 = Some(FIRST);
    }
}
