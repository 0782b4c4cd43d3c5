//! The bus on a real socket, and its broker against a model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bus;
mod door;
mod drain;
mod json;
mod kill;
mod limits;
mod matching;
mod model;
mod order;
mod reflection;
mod replay;
mod slow;

use std::time::Duration;

/// Fails a test that hangs.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("this takes far less than 20 s")
}
