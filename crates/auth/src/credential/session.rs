//! Session tokens: JWTs that name a session in the database, which decides whether they are still good.

use homeport_service::Secret;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::{
    error::AuthError,
    role::Role,
    store::{SessionId, User},
};

/// What a session token says: what existing clients read there, and the session that decides.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    id: String,
    username: String,
    /// `admin`, `user` or `viewer`.
    role: String,
    iat: i64,
    exp: i64,
    sid: String,
}

impl Claims {
    pub(crate) fn new(session: &SessionId, user: &User, from: Timestamp, until: Timestamp) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.name.clone(),
            role: match user.role {
                Role::Admin => "admin",
                // The one other role that these clients know.
                Role::Operator => "user",
                Role::Viewer => "viewer",
            }
            .to_owned(),
            iat: from.as_second(),
            exp: until.as_second(),
            sid: session.to_string(),
        }
    }

    /// The session that decides.
    pub(crate) fn session(&self) -> SessionId {
        SessionId::from(self.sid.clone())
    }
}

/// Signs session tokens and checks signatures.
pub(crate) struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Signer {
    pub(crate) fn new(key: &Secret<Vec<u8>>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Nothing else is signed with this key, so there is nothing that a token could be mistaken for.
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        // Compared with our own clock, in `open`.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(key.expose()),
            decoding: DecodingKey::from_secret(key.expose()),
            validation,
        }
    }

    pub(crate) fn sign(&self, claims: &Claims) -> Result<Secret<String>, AuthError> {
        encode(&Header::new(Algorithm::HS256), claims, &self.encoding).map(Secret::new).map_err(AuthError::Sign)
    }

    /// What a token says, if we signed it and it has not expired. The session may have ended nevertheless.
    pub(crate) fn open(&self, token: &Secret<String>, now: Timestamp) -> Result<Claims, AuthError> {
        let claims = decode::<Claims>(token.expose(), &self.decoding, &self.validation)
            .map_err(|_| AuthError::UnknownToken)?
            .claims;
        if claims.exp <= now.as_second() {
            return Err(AuthError::EndedSession);
        }
        Ok(claims)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// Whether a bearer token has the shape of a JWT. API tokens hold no dots.
pub(crate) fn looks_like_one(token: &Secret<String>) -> bool {
    token.expose().contains('.')
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;
    use crate::store::UserId;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const LATER: Timestamp = Timestamp::constant(1_800_000_100, 0);

    fn signer(byte: u8) -> Signer {
        Signer::new(&Secret::new(vec![byte; 32]))
    }

    fn claims() -> Claims {
        let user = User {
            id: UserId::from("u1".to_owned()),
            name: "ada".to_owned(),
            email: String::new(),
            role: Role::Operator,
            disabled: false,
            password_hash: Secret::default(),
            must_change_password: false,
            created_at: NOW,
            updated_at: None,
            last_login_at: None,
        };
        Claims::new(&SessionId::from("s1".to_owned()), &user, NOW, LATER)
    }

    #[test]
    fn it_is_good_until_it_expires() {
        let token = signer(1).sign(&claims()).unwrap();
        assert_eq!(signer(1).open(&token, NOW).unwrap().session().to_string(), "s1");
        assert!(matches!(signer(1).open(&token, LATER), Err(AuthError::EndedSession)));
    }

    #[test]
    fn other_keys_and_other_algorithms_are_refused() {
        let token = signer(1).sign(&claims()).unwrap();
        assert!(matches!(signer(2).open(&token, NOW), Err(AuthError::UnknownToken)));
        let payload = token.expose().split('.').nth(1).unwrap();
        let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert!(signer(1).open(&Secret::new(format!("{none}.{payload}.")), NOW).is_err());
        let hs512 = encode(&Header::new(Algorithm::HS512), &claims(), &EncodingKey::from_secret(&[1; 32])).unwrap();
        assert!(signer(1).open(&Secret::new(hs512), NOW).is_err());
    }

    #[test]
    fn the_claims_are_those_that_clients_know() {
        let token = signer(1).sign(&claims()).unwrap();
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.expose().split('.').nth(1).unwrap()).unwrap();
        let payload = String::from_utf8(payload).unwrap();
        let expected = r#"{"id":"u1","username":"ada","role":"user","iat":1800000000,"exp":1800000100,"sid":"s1"}"#;
        assert_eq!(payload, expected);
    }
}
