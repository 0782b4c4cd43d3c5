//! Waiting for something to become true.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// Waits until a condition holds; `what` says in the error what did not happen.
pub fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    until_ok(what, limit, || if holds() { Ok(()) } else { bail!("it does not hold") })
}

/// Waits until an attempt succeeds, and returns what it gave or its last error.
pub fn until_ok<T>(what: &str, limit: Duration, mut attempt: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() > limit => {
                return Err(error.context(format!("{what}: not within {} s", limit.as_secs())));
            }
            Err(_) => thread::sleep(PERIOD),
        }
    }
}
