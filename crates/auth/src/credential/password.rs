//! Passwords: which are accepted, and how they are hashed.

use std::sync::Arc;

use argon2::{
    Params,
    password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use homeport_service::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::hasher::Hasher;
use crate::{config::PasswordConfig, error::AuthError};

/// Longest password. A limit at all, because hashing reads all of it; this one is beyond every passphrase.
const BYTES_MAX: usize = 1024;

/// Fewest different characters. `aaaaaaaaaaaa` is long and yet one guess.
const DIFFERENT_MIN: usize = 5;

/// How many may wait for each that is hashed.
const WAITING_PER_RUNNING: usize = 8;

/// Hashes and verifies, a few at a time.
#[derive(Debug)]
pub(crate) struct Passwords {
    hasher: Hasher,
    length_min: usize,
    /// Taken by those who are hashed and those who wait. None left: come back later.
    places: Arc<Semaphore>,
    /// Taken by those who are hashed.
    running: Arc<Semaphore>,
    /// Hash of nothing that anybody knows. Verified for names that nobody has, so that they take as long as others.
    decoy: String,
}

impl Passwords {
    pub(crate) async fn new(config: &PasswordConfig) -> Result<Self, AuthError> {
        let params = Params::new(config.hash_memory_kib, config.hash_iterations, 1, None);
        let hasher = Hasher::new(params.map_err(AuthError::HashSettings)?);
        let running = config.hash_concurrency.max(1);
        let mut passwords = Self {
            hasher,
            length_min: config.length_min,
            places: Arc::new(Semaphore::new(running * (1 + WAITING_PER_RUNNING))),
            running: Arc::new(Semaphore::new(running)),
            decoy: String::new(),
        };
        passwords.decoy = passwords.hash(&super::token::Secret::random().into_text()).await?;
        Ok(passwords)
    }

    /// Refuses what is guessed first.
    pub(crate) fn check_strength(&self, user: &str, password: &Secret<String>) -> Result<(), AuthError> {
        let password = password.expose();
        let reason = if password.chars().count() < self.length_min {
            format!("use at least {} characters", self.length_min)
        } else if password.len() > BYTES_MAX {
            format!("use at most {BYTES_MAX} bytes")
        } else if different(password) < DIFFERENT_MIN {
            format!("use at least {DIFFERENT_MIN} different characters")
        } else if is_only(password, user) {
            "it is nothing but the user name and digits".to_owned()
        } else if is_only(password, "password") || is_run(password) {
            "it is among the first that are tried".to_owned()
        } else {
            return Ok(());
        };
        Err(AuthError::WeakPassword { reason })
    }

    /// The text to store.
    pub(crate) async fn hash(&self, password: &Secret<String>) -> Result<String, AuthError> {
        let (hasher, password) = (self.hasher.clone(), password.clone());
        self.run(move || {
            let hash = hasher.hash_password(password.expose().as_bytes()).map_err(AuthError::Hash)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is the one that was hashed. Without a hash it is wrong, and takes as long.
    pub(crate) async fn verify(&self, password: &Secret<String>, hash: Option<&str>) -> Result<bool, AuthError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        let (hasher, password) = (self.hasher.clone(), password.clone());
        self.run(move || {
            let bytes = password.expose().as_bytes();
            let bytes = if bytes.len() > BYTES_MAX { &[] } else { bytes };
            let hash = PasswordHash::new(&hash).map_err(|error| AuthError::Hash(error.into()))?;
            match hasher.verify_password(bytes, &hash) {
                Ok(()) => Ok(known),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(AuthError::Hash(error)),
            }
        })
        .await
    }

    /// Runs a hashing where it holds nobody up. It goes on when the caller leaves, and so keeps its place until it ends.
    async fn run<T: Send + 'static>(
        &self,
        hashing: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| AuthError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| AuthError::Busy)?;
        let permits: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (place, running);
        let hashed = tokio::task::spawn_blocking(move || {
            let result = hashing();
            drop(permits);
            result
        });
        hashed.await.map_err(AuthError::Task)?
    }
}

fn different(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// Whether a text is a word, however often and in whatever case, with digits and punctuation around it.
fn is_only(text: &str, word: &str) -> bool {
    let letters: String = text.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let word = word.to_lowercase();
    !word.is_empty() && !letters.is_empty() && letters.replace(&word, "").is_empty()
}

/// Whether each character is the one after the one before (`abcdef…`, `123456…`), zero coming after nine.
fn is_run(text: &str) -> bool {
    let next = |c: char| if c == '9' { '0' } else { char::from_u32(c as u32 + 1).unwrap_or(c) };
    text.chars().zip(text.chars().skip(1)).all(|(one, two)| next(one) == two)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> PasswordConfig {
        PasswordConfig { hash_memory_kib: 64, hash_iterations: 1, ..PasswordConfig::default() }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new(&cheap()).await.unwrap();
        let hash = passwords.hash(&secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.verify(&secret("correct horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&secret("correct horsf"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&secret(""), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&secret("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_guessed_first_is_refused() {
        let passwords = Passwords::new(&cheap()).await.unwrap();
        for (password, reason) in [
            ("short", "at least 12"),
            ("elevenchars", "at least 12"),
            ("aaaaaaaaaaaaaaaa", "different"),
            ("abababababababab", "different"),
            ("password1234567", "first"),
            ("PasswordPassword", "first"),
            ("123456789012", "first"),
            ("abcdefghijklmn", "first"),
            ("admin-2026-1234", "user name"),
        ] {
            let error = passwords.check_strength("admin", &secret(password)).unwrap_err();
            assert!(error.to_string().contains(reason), "{password}: {error}");
        }
        assert!(passwords.check_strength("admin", &secret(&"long one ".repeat(200))).is_err());
        for password in ["correct horse", "zwölf zeichen", "admin has 9 lives", "8Rk-2fQ!0pLx"] {
            passwords.check_strength("admin", &secret(password)).unwrap();
        }
    }

    #[tokio::test]
    async fn those_beyond_the_queue_are_told_to_come_back() {
        let passwords = Passwords::new(&PasswordConfig { hash_concurrency: 1, ..cheap() }).await.unwrap();
        let held = passwords.places.clone().acquire_many_owned(9).await.unwrap();
        assert!(matches!(passwords.hash(&secret("x")).await, Err(AuthError::Busy)));
        drop(held);
        passwords.hash(&secret("x")).await.unwrap();
    }
}
