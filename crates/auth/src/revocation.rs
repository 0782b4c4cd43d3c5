//! What is good no longer, told to everybody who remembers that it was.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::broadcast;

use crate::store::{SessionId, TokenId, UserId};

/// Changes that may wait for a reader; one that is further behind is told to believe nothing.
const WAITING: usize = 256;

/// What ended or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// Nothing that was found good before may be believed.
    pub(crate) everything: bool,
    pub(crate) credentials: BTreeSet<String>,
    pub(crate) users: BTreeSet<String>,
}

impl Revoked {
    pub(crate) fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    pub(crate) fn user(id: &UserId) -> Self {
        Self { users: BTreeSet::from([id.to_string()]), ..Self::default() }
    }

    pub(crate) fn token(id: &TokenId) -> Self {
        Self { credentials: BTreeSet::from([id.to_string()]), ..Self::default() }
    }

    pub(crate) fn sessions(ids: &[SessionId]) -> Self {
        Self { credentials: ids.iter().map(SessionId::to_string).collect(), ..Self::default() }
    }

    /// The same with tokens that ended as well.
    pub(crate) fn and_tokens(mut self, ids: &[TokenId]) -> Self {
        self.credentials.extend(ids.iter().map(TokenId::to_string));
        self
    }
}

/// The readers.
#[derive(Debug, Clone)]
pub(crate) struct Revocations(broadcast::Sender<Arc<Revoked>>);

impl Revocations {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }

    /// Tells what ended, after it is on the disk. What is read from the disk after this is new.
    pub(crate) fn tell(&self, revoked: Revoked) {
        if revoked != Revoked::default() {
            // Nobody may be listening.
            drop(self.0.send(Arc::new(revoked)));
        }
    }

    /// All that ends from now on.
    pub(crate) fn follow(&self) -> Follower {
        Follower(self.0.subscribe())
    }
}

/// One reader.
#[derive(Debug)]
pub(crate) struct Follower(broadcast::Receiver<Arc<Revoked>>);

impl Follower {
    /// Waits for the next.
    pub(crate) async fn next(&mut self) -> Revoked {
        match self.0.recv().await {
            Ok(revoked) => Arc::unwrap_or_clone(revoked),
            Err(broadcast::error::RecvError::Lagged(_)) => Revoked::everything(),
            // The service is at its end, and so is whatever waits here.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_is_too_far_behind_believes_nothing() {
        let revocations = Revocations::new();
        let mut follower = revocations.follow();
        let user = Revoked::user(&UserId::from("u".to_owned()));
        revocations.tell(user.clone());
        assert_eq!(follower.next().await, user);
        for _ in 0..=WAITING {
            revocations.tell(user.clone());
        }
        assert_eq!(follower.next().await, Revoked::everything());
    }

    #[tokio::test]
    async fn nothing_is_not_told() {
        let revocations = Revocations::new();
        let mut follower = revocations.follow();
        revocations.tell(Revoked::sessions(&[]));
        revocations.tell(Revoked::everything());
        assert_eq!(follower.next().await, Revoked::everything());
    }
}
