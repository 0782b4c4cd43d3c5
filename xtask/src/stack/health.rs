//! Waiting until every service of the stack says that it serves.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::Compose;

/// The stack needs about a second; the rest is for slow disks.
const LIMIT: Duration = Duration::from_mins(1);

/// Between two rounds of asking.
const PAUSE: Duration = Duration::from_millis(200);

/// Returns when all services are healthy; otherwise the error names one and shows the end of its log.
pub(crate) fn wait(compose: &Compose<'_>) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    for service in compose.services()? {
        while !compose.is_healthy(&service)? {
            if Instant::now() > deadline {
                let log = compose.last_words(&service).unwrap_or_default();
                bail!("{service} is not healthy after {} s; its last words:\n{log}", LIMIT.as_secs());
            }
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}
