//! Names and passwords that were right a moment ago.
//!
//! A client with Basic credentials sends them with every request, and hashing takes some 20 ms on purpose. What was
//! verified is believed again for a minute, by a keyed hash whose key never leaves this process.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use homeport_service::Secret;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::store::User;

/// Different credentials that are remembered. Beyond, all are forgotten and hashed anew.
const ENTRIES_MAX: usize = 256;

/// Names and passwords that were right a moment ago.
#[derive(Debug)]
pub(crate) struct BasicCache {
    key: Secret<[u8; 32]>,
    lifetime: SignedDuration,
    verified: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl BasicCache {
    pub(crate) fn new(lifetime: SignedDuration) -> Self {
        Self { key: Secret::new(rand::random()), lifetime, verified: Mutex::default() }
    }

    /// Whether this password was verified against the user's present hash a moment ago.
    pub(crate) fn holds(&self, user: &User, password: &Secret<String>, now: Timestamp) -> bool {
        let verified = self.lock().get(&self.fingerprint(user, password)).copied();
        verified.is_some_and(|at| at.duration_until(now) < self.lifetime)
    }

    /// Remembers that it was.
    pub(crate) fn insert(&self, user: &User, password: &Secret<String>, now: Timestamp) {
        let mut verified = self.lock();
        if verified.len() >= ENTRIES_MAX {
            verified.retain(|_, at| at.duration_until(now) < self.lifetime);
        }
        if verified.len() >= ENTRIES_MAX {
            verified.clear();
        }
        verified.insert(self.fingerprint(user, password), now);
    }

    /// The stored hash is part of it, so that a changed password ends what was verified before.
    fn fingerprint(&self, user: &User, password: &Secret<String>) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.key.expose());
        for part in [user.id.as_str(), user.password_hash.expose(), password.expose()] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Timestamp>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn user(hash: &str) -> User {
        User {
            id: "u1".to_owned().into(),
            name: "admin".to_owned(),
            email: String::new(),
            role: crate::role::Role::Admin,
            disabled: false,
            password_hash: Secret::new(hash.to_owned()),
            must_change_password: false,
            created_at: NOW,
            updated_at: None,
            last_login_at: None,
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn believed_for_a_while_and_until_the_password_changes() {
        let cache = BasicCache::new(SignedDuration::from_secs(60));
        cache.insert(&user("hash"), &secret("right"), NOW);
        assert!(cache.holds(&user("hash"), &secret("right"), NOW));
        assert!(!cache.holds(&user("hash"), &secret("wrong"), NOW));
        assert!(!cache.holds(&user("changed"), &secret("right"), NOW));
        assert!(!cache.holds(&user("hash"), &secret("right"), NOW + SignedDuration::from_secs(60)));
    }

    #[test]
    fn zero_is_never() {
        let cache = BasicCache::new(SignedDuration::ZERO);
        cache.insert(&user("hash"), &secret("right"), NOW);
        assert!(!cache.holds(&user("hash"), &secret("right"), NOW));
    }

    #[test]
    fn bounded() {
        let cache = BasicCache::new(SignedDuration::from_secs(60));
        for number in 0..1000 {
            cache.insert(&user("hash"), &secret(&number.to_string()), NOW);
        }
        assert!(cache.lock().len() <= ENTRIES_MAX);
    }
}
