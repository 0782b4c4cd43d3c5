//! API tokens: 256 random bits that somebody keeps, and of which we keep a hash.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use homeport_service::Secret as Hidden;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Characters of the secret that lists show. 48 bits less to guess leave 208.
const PREFIX: usize = 8;

/// Characters of a secret.
const LENGTH: usize = 43;

/// The secret of a token.
pub(crate) struct Secret(Hidden<String>);

impl Secret {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(Hidden::new(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())))
    }

    /// One that a caller sent, if it has the shape of one.
    pub(crate) fn from_caller(text: &Hidden<String>) -> Option<Self> {
        let text = text.expose();
        let shaped = text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        shaped.then(|| Self(Hidden::new(text.clone())))
    }

    /// What is stored.
    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.expose()).into())
    }

    /// The part that may be shown.
    pub(crate) fn prefix(&self) -> &str {
        &self.0.expose()[..PREFIX]
    }

    /// The whole, to be given to its owner.
    pub(crate) fn into_text(self) -> Hidden<String> {
        self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// SHA-256 of a secret.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same, in a time that says nothing about where they differ.
    pub(crate) fn equals(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_shape_that_clients_know() {
        let (one, two) = (Secret::random(), Secret::random());
        assert_ne!(one.prefix(), two.prefix());
        let text = one.into_text();
        assert_eq!(text.expose().len(), LENGTH);
        assert!(Secret::from_caller(&text).is_some());
    }

    #[test]
    fn other_shapes_are_not_looked_up() {
        for text in ["", "short", &"é".repeat(22), &"a".repeat(44), &format!("{}=", "a".repeat(42))] {
            assert!(Secret::from_caller(&Hidden::new(text.to_owned())).is_none(), "{text}");
        }
    }

    #[test]
    fn hashes_compare() {
        let secret = Secret::random();
        assert!(secret.hash().equals(secret.hash().as_bytes()));
        assert!(!secret.hash().equals(Secret::random().hash().as_bytes()));
        assert!(!secret.hash().equals(&[]));
    }
}
