//! Force that is asked for while an update waits already.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Which updates under way were asked for again, by force. Entries go with their updates.
#[derive(Debug, Default)]
pub struct Forced(Mutex<BTreeMap<String, CancellationToken>>);

/// Whether one update was.
#[derive(Debug, Clone)]
pub(super) struct ForcedOne(CancellationToken);

impl ForcedOne {
    pub(super) fn is_set(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(super) async fn set(&self) {
        self.0.cancelled().await;
    }
}

impl Forced {
    /// Nothing is forced.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn of(&self, journal_id: &str) -> ForcedOne {
        ForcedOne(self.token(journal_id))
    }

    /// Forces an update, whether it waits already or is yet to.
    pub fn force(&self, journal_id: &str) {
        self.token(journal_id).cancel();
    }

    /// Forgets an update that has ended.
    pub fn forget(&self, journal_id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(journal_id);
    }

    fn token(&self, journal_id: &str) -> CancellationToken {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(journal_id.to_owned()).or_default().clone()
    }
}
