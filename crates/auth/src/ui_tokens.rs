//! Tokens of plugins' pages, kept in memory only: after a restart the page asks for another.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{
    credential::token::SecretHash,
    error::AuthError,
    store::{Token, TokenId},
};

/// Pages that can be open.
const TOKENS_MAX: u32 = 1000;

/// The tokens, by the hash of their secret.
#[derive(Debug, Default)]
pub(crate) struct UiTokens(Mutex<HashMap<[u8; 32], Token>>);

impl UiTokens {
    /// Keeps a token, if there is room for one more that is still good.
    pub(crate) fn insert(&self, token: Token, hash: &SecretHash, now: Timestamp) -> Result<(), AuthError> {
        self.prune(now);
        let mut tokens = self.lock();
        if tokens.len() >= TOKENS_MAX as usize {
            return Err(AuthError::TooManyTokens { limit: TOKENS_MAX });
        }
        tokens.insert(*hash.as_bytes(), token);
        Ok(())
    }

    /// The token with this secret, good or expired.
    pub(crate) fn get(&self, hash: &SecretHash) -> Option<Token> {
        self.lock().get(hash.as_bytes()).cloned()
    }

    pub(crate) fn list(&self) -> Vec<Token> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn remove(&self, id: &TokenId) {
        self.lock().retain(|_, token| token.id != *id);
    }

    /// Forgets those that have expired.
    pub(crate) fn prune(&self, now: Timestamp) {
        self.lock().retain(|_, token| token.expires_at.is_none_or(|at| at > now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
