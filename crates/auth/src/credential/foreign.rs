//! How passwords may have been hashed: as here, or as by the installations that Homeport takes over.

use argon2::{
    Params,
    password_hash::{Error as HashError, PasswordVerifier as _, phc::PasswordHash},
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use pbkdf2::sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::hasher::Hasher;
use crate::error::AuthError;

/// Rounds that SPR takes; fewer were no obstacle, more would hold up whoever signs in.
const ROUNDS: std::ops::RangeInclusive<u32> = 100_000..=10_000_000;
/// Rounds that SPR makes by itself.
const ROUNDS_USUAL: u32 = 600_000;
/// Costs of bcrypt that are taken; each step doubles the time, and 15 is some seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=15;
/// Bytes of SPR's key.
const KEY: usize = 32;
/// Longest salt that is looked at. SPR's has 16.
const SALT_MAX: usize = 64;

/// How a password was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `$argon2id$…`, as here.
    Argon2,
    /// `$2b$…`, as by HomelabARR, with its cost.
    Bcrypt(u32),
    /// `$pbkdf2-sha256$…`, as by SPR.
    Pbkdf2,
}

impl Scheme {
    /// Tells by the first characters.
    pub(crate) fn of(hash: &str) -> Option<Self> {
        let mut parts = hash.split('$').skip(1);
        match parts.next()? {
            name if name.starts_with("argon2") => Some(Self::Argon2),
            name if name.starts_with("pbkdf2") => Some(Self::Pbkdf2),
            "2a" | "2b" | "2x" | "2y" => {
                parts.next()?.parse().ok().filter(|cost| COSTS.contains(cost)).map(Self::Bcrypt)
            }
            _ => None,
        }
    }
}

/// Whether a text is a hash that can be verified here.
pub(crate) fn is_hash(text: &str) -> bool {
    match Scheme::of(text) {
        Some(Scheme::Argon2) => PasswordHash::new(text).is_ok_and(|hash| hash.hash.is_some()),
        Some(Scheme::Bcrypt(_)) => text.parse::<bcrypt::HashParts>().is_ok(),
        Some(Scheme::Pbkdf2) => Pbkdf2::parse(text).is_some(),
        None => false,
    }
}

/// Whether a password is the one that was hashed. Takes as long as that scheme takes.
pub(super) fn verify(hasher: &Hasher, scheme: Scheme, password: &[u8], hash: &str) -> Result<bool, AuthError> {
    match scheme {
        Scheme::Argon2 => {
            let hash = PasswordHash::new(hash).map_err(|error| AuthError::Hash(error.into()))?;
            match hasher.verify_password(password, &hash) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(AuthError::Hash(error)),
            }
        }
        Scheme::Bcrypt(_) => bcrypt::verify(password, hash).map_err(AuthError::Bcrypt),
        Scheme::Pbkdf2 => Ok(Pbkdf2::parse(hash).ok_or(AuthError::HashForm)?.holds(password)),
    }
}

/// Whether a hash should be made anew, of the same password.
pub(super) fn is_outdated(params: &Params, hash: &str) -> bool {
    let present = format!("$argon2id$v=19$m={},t={},p={}$", params.m_cost(), params.t_cost(), params.p_cost());
    !hash.starts_with(&present)
}

/// Takes as long as a verification does.
pub(super) fn exercise(scheme: Scheme) -> Result<(), AuthError> {
    match scheme {
        Scheme::Argon2 => Ok(()),
        Scheme::Bcrypt(cost) => bcrypt::hash("nothing", cost).map(drop).map_err(AuthError::Bcrypt),
        Scheme::Pbkdf2 => {
            let hash = Pbkdf2 { rounds: ROUNDS_USUAL, salt: vec![0; 16], key: [0; KEY] };
            hash.holds(b"nothing");
            Ok(())
        }
    }
}

/// `$pbkdf2-sha256$<rounds>$<salt>$<key>`, the last two in base64.
struct Pbkdf2 {
    rounds: u32,
    salt: Vec<u8>,
    key: [u8; KEY],
}

impl Pbkdf2 {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$pbkdf2-sha256$")?.split('$');
        let (rounds, salt, key) = (parts.next()?, parts.next()?, parts.next()?);
        let rounds = rounds.parse().ok().filter(|rounds| ROUNDS.contains(rounds))?;
        let salt = BASE64_STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (1..=SALT_MAX).contains(&salt.len()))?;
        let key = BASE64_STANDARD_NO_PAD.decode(key).ok()?.try_into().ok()?;
        parts.next().is_none().then_some(Self { rounds, salt, key })
    }

    fn holds(&self, password: &[u8]) -> bool {
        let mut key = [0; KEY];
        pbkdf2::pbkdf2_hmac::<Sha256>(password, &self.salt, self.rounds, &mut key);
        key.ct_eq(&self.key).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `pbkdf2_hmac` of Python and by `crypt(3)`: not by what reads them here.
    const SPR: &str = "$pbkdf2-sha256$100000$AAECAwQFBgcICQoLDA0ODw$V/LC8HOXSNUWQZsGKohGZjI8WD6krhZVBKgfe1PGKgk";
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

    fn check(hash: &str, password: &str, expected: bool) {
        let scheme = Scheme::of(hash).unwrap();
        let right = verify(&Hasher::new(Params::default()), scheme, password.as_bytes(), hash).unwrap();
        assert_eq!(right, expected, "{hash} {password}");
    }

    #[test]
    fn hashes_of_others_are_verified() {
        for hash in [SPR, BCRYPT] {
            assert!(is_hash(hash), "{hash}");
            check(hash, "correct horse", true);
            check(hash, "correct horsf", false);
            assert!(is_outdated(&Params::default(), hash));
        }
    }

    #[test]
    fn what_is_no_hash_is_taken_for_none() {
        for text in [
            "",
            "secret",
            "$2b$31$abcdefghijklmnopqrstuv",
            "$2b$",
            "$1$x$y",
            "$argon2id$v=19$m=64,t=1,p=1$",
            "$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$AAAA",
            "$pbkdf2-sha256$600000$AAECAwQFBgcICQoLDA0ODw$AAAA",
        ] {
            assert!(!is_hash(text), "{text}");
        }
        let rounds = SPR.replace("100000", "99999");
        assert!(!is_hash(&rounds) && !is_hash(&format!("{SPR}$x")));
    }
}
