//! The shipped bus on its real socket. Needs no engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auth;
mod bus;
mod door;
mod drain;
mod faults;
mod go_client;
mod json;
mod kill;
mod limits;
mod matching;
mod order;
mod python_client;
mod reflection;
mod replay;
mod silent;
mod slow;

use std::time::Duration;

/// Fails a test that hangs.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("this takes far less than 20 s")
}
