//! What is good no longer, as a stream that is never silent for long.

use std::time::Duration;

use homeport_proto::auth::v1::WatchRevocationsResponse;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::revocation::{Follower, Revoked};

/// Longest silence. Whoever hears nothing for three times as long must believe nothing.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Messages that wait for a reader; then it is told to believe nothing.
const WAITING: usize = 64;

/// Tells what ends from now on until the reader leaves or the service drains.
pub(super) fn stream(
    mut follower: Follower,
    drain: CancellationToken,
) -> impl Stream<Item = Result<WatchRevocationsResponse, Status>> + Send {
    let (sender, receiver) = mpsc::channel(WAITING);
    let telling = async move {
        let mut message = WatchRevocationsResponse::from(Revoked::everything());
        loop {
            // A reader that takes nothing holds up this task alone; the follower knows what it missed.
            if sender.send(Ok(message)).await.is_err() {
                return;
            }
            message = match tokio::time::timeout(HEARTBEAT, follower.next()).await {
                Ok(revoked) => revoked.into(),
                Err(_) => WatchRevocationsResponse::default(),
            };
        }
    };
    #[expect(clippy::disallowed_methods, reason = "it ends with the stream that it feeds, or with the service")]
    tokio::spawn(async move { drain.run_until_cancelled_owned(telling).await });
    ReceiverStream::new(receiver)
}

impl From<Revoked> for WatchRevocationsResponse {
    fn from(revoked: Revoked) -> Self {
        Self {
            everything: revoked.everything,
            credential_ids: revoked.credentials.into_iter().collect(),
            user_ids: revoked.users.into_iter().collect(),
        }
    }
}
