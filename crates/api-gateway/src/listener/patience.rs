//! How long a connection waits for what comes next.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// The one timer of a connection. Nearly every wait is over long before its time, and setting a timer costs more than looking
/// at the clock: it is set when a wait begins only if it would ring too late, and looks again when it rings too early.
#[derive(Debug)]
pub(crate) struct Patience {
    timer: Pin<Box<Sleep>>,
}

impl Patience {
    pub(crate) fn new(first: Duration) -> Self {
        Self { timer: Box::pin(sleep(first)) }
    }

    /// Waits for something for no longer than this. None: it did not come.
    pub(crate) async fn within<F: Future>(&mut self, limit: Duration, future: F) -> Option<F::Output> {
        let end = Instant::now() + limit;
        if self.timer.deadline() > end {
            self.timer.as_mut().reset(end);
        }
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            while self.timer.as_mut().poll(cx).is_ready() {
                if Instant::now() >= end {
                    return Poll::Ready(None);
                }
                self.timer.as_mut().reset(end);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_wait_is_as_long_as_it_may_be() {
        let short = Duration::from_millis(20);
        let mut patience = Patience::new(Duration::from_secs(60));
        assert_eq!(patience.within(short, ready(1)).await, Some(1));
        for limit in [short, short * 4, short] {
            let start = Instant::now();
            assert_eq!(patience.within(limit, pending::<()>()).await, None);
            assert!(start.elapsed() >= limit && start.elapsed() < Duration::from_secs(30));
        }
    }
}
