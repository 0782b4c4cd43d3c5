//! Secrets of tokens: 256 random bits that somebody keeps, and of which we keep a hash.

use homeport_service::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Characters at the beginning of a secret that lists show. 48 bits less to guess leave 208.
const PREFIX: usize = 8;

/// Characters at its end that lists of keys show. The two leave 184 bits.
const SUFFIX: usize = 4;

/// Lengths of secrets. The shortest that any installation makes has 43 characters; people may have chosen others.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=128;

/// SHA-256 of a secret.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    /// Of a secret that we made.
    pub(crate) fn of(secret: &Secret<String>) -> Self {
        Self(Sha256::digest(secret.expose()).into())
    }

    /// Of one that a caller sent, if it has the shape of one.
    pub(crate) fn from_caller(secret: &Secret<String>) -> Option<Self> {
        let text = secret.expose();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (LENGTH.contains(&text.len()) && text.bytes().all(plain)).then(|| Self::of(secret))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are the same, in a time that says nothing about where they differ.
    pub(crate) fn equals(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }

    /// Enough of it to tell tokens apart, of which nothing can be told about the secret.
    pub(crate) fn short(&self) -> String {
        self.0[..8].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// The beginning of a secret, which may be shown.
pub(crate) fn prefix(secret: &Secret<String>) -> String {
    secret.expose().chars().take(PREFIX).collect()
}

/// The end of a secret, which may be shown.
pub(crate) fn suffix(secret: &Secret<String>) -> String {
    let count = secret.expose().chars().count();
    secret.expose().chars().skip(count.saturating_sub(SUFFIX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn other_shapes_are_not_looked_up() {
        for text in ["", "short", &"é".repeat(22), &"a".repeat(129), &format!("{}=", "a".repeat(42))] {
            assert!(SecretHash::from_caller(&secret(text)).is_none(), "{text}");
        }
        assert!(SecretHash::from_caller(&secret(&"a-_9".repeat(11))).is_some());
    }

    #[test]
    fn hashes_compare() {
        let hash = SecretHash::of(&secret("one"));
        assert!(hash.equals(hash.as_bytes()));
        assert!(!hash.equals(SecretHash::of(&secret("two")).as_bytes()));
        assert!(!hash.equals(&[]));
        assert_eq!(hash.short().len(), 16);
    }

    #[test]
    fn a_little_is_shown() {
        let secret = secret("hlr_0123456789abcdef");
        assert_eq!((prefix(&secret).as_str(), suffix(&secret).as_str()), ("hlr_0123", "cdef"));
    }
}
