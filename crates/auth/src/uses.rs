//! When sessions and tokens were last used, to the minute. Written every few seconds, so that no request waits for it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    error::AuthError,
    store::{self, SessionId, Store, TokenId},
};

/// Between two writings.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// Uses that wait for the next writing; those beyond are noted at the next request.
const WAITING: usize = 10_000;

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Used {
    Session(SessionId),
    Token(TokenId),
}

/// Uses that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashMap<Used, Timestamp>>);

impl Uses {
    /// Notes a use, if the last that is known was in another minute.
    pub(crate) fn note(&self, used: Used, last: Option<Timestamp>, now: Timestamp) {
        let second = now.as_second();
        let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(now);
        if last.is_some_and(|at| at >= minute) {
            return;
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            waiting.insert(used, minute);
        }
    }

    /// Writes what waits.
    pub(crate) async fn write(&self, store: &Store) -> Result<(), AuthError> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let mut transaction = store.begin().await?;
        for (used, at) in waiting {
            match used {
                Used::Session(id) => store::session::used(&mut transaction, &id, at).await?,
                Used::Token(id) => store::token::used(&mut transaction, &id, at).await?,
            }
        }
        Ok(transaction.commit().await?)
    }
}
