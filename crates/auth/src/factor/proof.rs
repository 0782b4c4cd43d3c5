//! The token that says that a second factor was shown. It is good for an hour, and no longer than the service runs.

use homeport_service::Secret;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::totp::ISSUER;
use crate::error::AuthError;

/// Longest text that is looked at; ours are a third of it.
const TEXT_MAX: usize = 1024;

/// Signs and checks such tokens, with a key that nobody else has and that is not kept.
pub(crate) struct Proofs {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// Name of the user, as existing clients expect it.
    sub: String,
    /// Id of the user: the name may be given to somebody else.
    uid: String,
    /// Unix seconds.
    exp: i64,
}

impl Proofs {
    pub(crate) fn new() -> Self {
        let key: [u8; 32] = rand::random();
        Self { encoding: EncodingKey::from_secret(&key), decoding: DecodingKey::from_secret(&key) }
    }

    pub(crate) fn sign(&self, id: &str, name: &str, expires_at: Timestamp) -> Result<Secret<String>, AuthError> {
        let (sub, uid) = (name.to_owned(), id.to_owned());
        let claims = Claims { iss: ISSUER.to_owned(), sub, uid, exp: expires_at.as_second() };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(AuthError::Sign)?;
        Ok(Secret::new(token))
    }

    /// Until when a token proves the second factor of this user. None: it does not.
    pub(crate) fn expiry(&self, token: &Secret<String>, id: &str, now: Timestamp) -> Option<Timestamp> {
        if token.expose().len() > TEXT_MAX {
            return None;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub", "exp"]);
        validation.validate_aud = false;
        // By our own clock, below.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token.expose(), &self.decoding, &validation).ok()?.claims;
        let expires_at = Timestamp::from_second(claims.exp).ok()?;
        (claims.uid == id && expires_at > now).then_some(expires_at)
    }
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proofs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW.as_second() + seconds).unwrap()
    }

    #[test]
    fn a_proof_is_for_one_user_and_a_while() {
        let proofs = Proofs::new();
        let token = proofs.sign("id", "anne", after(3600)).unwrap();
        assert_eq!(proofs.expiry(&token, "id", NOW), Some(after(3600)));
        assert_eq!(proofs.expiry(&token, "id", after(3600)), None);
        assert_eq!(proofs.expiry(&token, "other", NOW), None);
        assert_eq!(Proofs::new().expiry(&token, "id", NOW), None, "a restart ends all of them");
        for text in ["", "a.b.c", &"x".repeat(5000)] {
            assert_eq!(proofs.expiry(&Secret::new(text.to_owned()), "id", NOW), None);
        }
    }

    #[test]
    fn nothing_else_signs_them() {
        let proofs = Proofs::new();
        let claims =
            Claims { iss: ISSUER.to_owned(), sub: "anne".to_owned(), uid: "id".to_owned(), exp: after(60).as_second() };
        let other = encode(&Header::new(Algorithm::HS384), &claims, &proofs.encoding).unwrap();
        assert_eq!(proofs.expiry(&Secret::new(other), "id", NOW), None, "another algorithm");
        let claims = Claims { iss: "homeport".to_owned(), ..claims };
        let other = encode(&Header::new(Algorithm::HS256), &claims, &proofs.encoding).unwrap();
        assert_eq!(proofs.expiry(&Secret::new(other), "id", NOW), None, "another issuer");
    }
}
