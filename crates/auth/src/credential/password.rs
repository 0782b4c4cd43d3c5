//! Passwords: which are accepted, and how they are hashed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use argon2::{Params, password_hash::PasswordHasher as _};
use homeport_service::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    foreign::{self, Scheme},
    hasher::Hasher,
};
use crate::{config::PasswordConfig, error::AuthError, token_kind::TokenKind};

/// Longest password. A limit at all, because hashing reads all of it; this one is beyond every passphrase.
const BYTES_MAX: usize = 1024;

/// Fewest different characters. `aaaaaaaaaaaa` is long and yet one guess.
const DIFFERENT_MIN: usize = 5;

/// Fewest characters of the first administrator's password.
const FIRST_LENGTH_MIN: usize = 12;

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
    /// Nanoseconds that the slowest hash of another installation takes. A refusal takes no less, whatever was hashed, as
    /// long as somebody may still have such a one.
    slowest: Arc<AtomicU64>,
}

/// What came of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) right: bool,
    /// It was hashed in another way than passwords are hashed here and now.
    pub(crate) outdated: bool,
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
            slowest: Arc::default(),
        };
        passwords.decoy = passwords.hash(&TokenKind::Api.random()).await?;
        Ok(passwords)
    }

    /// Refuses what is guessed first.
    pub(crate) fn check_strength(&self, user: &str, password: &Secret<String>) -> Result<(), AuthError> {
        check(user, password.expose(), self.length_min)
    }

    /// As [`Self::check_strength`], for the password of the first administrator: nobody else watches over that account.
    pub(crate) fn check_first(&self, user: &str, password: &Secret<String>) -> Result<(), AuthError> {
        check(user, password.expose(), self.length_min.max(FIRST_LENGTH_MIN))
    }

    /// Whether everybody knows a password, whatever it was hashed for elsewhere: accounts that were taken over may have one.
    pub(crate) fn is_known(user: &str, password: &Secret<String>) -> bool {
        let password = password.expose();
        let is_run = !password.is_empty() && is_run(password);
        is_run || [user, "admin", "password"].iter().any(|word| is_only(password, word))
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
    pub(crate) async fn verify(&self, password: &Secret<String>, hash: Option<&str>) -> Result<Verified, AuthError> {
        let known = hash.is_some();
        let started = Instant::now();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        let (hasher, password, slowest) = (self.hasher.clone(), password.clone(), Arc::clone(&self.slowest));
        let verified = self.run(move || {
            let bytes = password.expose().as_bytes();
            let bytes = if bytes.len() > BYTES_MAX { &[] } else { bytes };
            let scheme = Scheme::of(&hash).ok_or(AuthError::HashForm)?;
            let begun = Instant::now();
            let right = foreign::verify(&hasher, scheme, bytes, &hash)?;
            if scheme != Scheme::Argon2 {
                note(&slowest, begun.elapsed());
            }
            Ok(Verified { right: right && known, outdated: foreign::is_outdated(hasher.params(), &hash) })
        });
        let verified = verified.await?;
        if !verified.right {
            let least = Duration::from_nanos(self.slowest.load(Ordering::Relaxed));
            tokio::time::sleep(least.saturating_sub(started.elapsed())).await;
        }
        Ok(verified)
    }

    /// Learns how long the hashes take that are in use, by the first characters of each.
    pub(crate) async fn expect(&self, beginnings: Vec<String>) -> Result<(), AuthError> {
        for scheme in beginnings.iter().filter_map(|text| Scheme::of(text)).filter(|one| *one != Scheme::Argon2) {
            let slowest = Arc::clone(&self.slowest);
            self.run(move || {
                let begun = Instant::now();
                foreign::exercise(scheme)?;
                note(&slowest, begun.elapsed());
                Ok(())
            })
            .await?;
        }
        Ok(())
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

fn check(user: &str, password: &str, length_min: usize) -> Result<(), AuthError> {
    let reason = if password.chars().count() < length_min {
        format!("use at least {length_min} characters")
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

fn note(slowest: &AtomicU64, took: Duration) {
    slowest.fetch_max(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
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
        let verified = passwords.verify(&secret("correct horse"), Some(&hash)).await.unwrap();
        assert_eq!(verified, Verified { right: true, outdated: false });
        assert!(!passwords.verify(&secret("correct horsf"), Some(&hash)).await.unwrap().right);
        assert!(!passwords.verify(&secret(""), Some(&hash)).await.unwrap().right);
        assert!(!passwords.verify(&secret("correct horse"), None).await.unwrap().right);
    }

    #[tokio::test]
    async fn a_refusal_takes_as_long_as_the_slowest_hash_in_use() {
        let passwords = Passwords::new(&cheap()).await.unwrap();
        passwords.slowest.store(80_000_000, Ordering::Relaxed);
        let started = Instant::now();
        assert!(!passwords.verify(&secret("x"), None).await.unwrap().right);
        assert!(started.elapsed() >= Duration::from_millis(80));
        passwords.slowest.store(0, Ordering::Relaxed);
        passwords.expect(vec!["$argon2".to_owned()]).await.unwrap();
        assert_eq!(passwords.slowest.load(Ordering::Relaxed), 0);
        passwords.expect(vec!["$2b$04$".to_owned()]).await.unwrap();
        assert!(passwords.slowest.load(Ordering::Relaxed) > 0);
    }

    #[tokio::test]
    async fn what_is_guessed_first_is_refused() {
        let passwords = Passwords::new(&cheap()).await.unwrap();
        for (password, reason) in [
            ("short", "at least 6"),
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
        assert!(
            passwords.check_first("admin", &secret("elevenchars")).unwrap_err().to_string().contains("at least 12")
        );
        for password in ["secret", "correct horse", "zwölf zeichen", "admin has 9 lives", "8Rk-2fQ!0pLx"] {
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
