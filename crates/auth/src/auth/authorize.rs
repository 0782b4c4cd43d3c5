//! What a credential may do.

use homeport_service::Secret;
use jiff::Timestamp;

use super::{Auth, Principal};
use crate::{
    audit::{Kind, Way, Who},
    credential::{Credential, session::looks_like_one, token::Secret as TokenSecret},
    error::AuthError,
    lockout::Subject,
    scope,
    store::{self, Token},
};

/// A request that wants to be let through.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The whole value of the Authorization header.
    pub(crate) authorization: &'a Secret<String>,
    /// Upper case.
    pub(crate) method: &'a str,
    /// Without the query.
    pub(crate) path: &'a str,
    /// Empty: not known.
    pub(crate) address: &'a str,
}

/// A request that is let through.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub(crate) principal: Principal,
    /// None: the credential never expires.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Auth {
    /// Lets a request through or says why not.
    pub(crate) async fn authorize(&self, request: &Request<'_>) -> Result<Authorized, AuthError> {
        let authorized = match Credential::parse(request.authorization.expose())? {
            Credential::Bearer(token) => self.bearer(&token, request.address).await?,
            Credential::Basic { name, password } => self.basic(&name, &password, request.address).await?,
        };
        let Principal { kind, name, scopes, .. } = &authorized.principal;
        let (who, now) = (Who { kind: *kind, name, address: request.address }, self.now());
        if !scope::allow(scopes, request.method, request.path) {
            self.parts.audit.failure(who, "out of scope", now);
            return Err(AuthError::OutOfScope {
                name: name.clone(),
                method: request.method.to_owned(),
                path: request.path.to_owned(),
            });
        }
        self.parts.audit.success(who, Way::Api, now);
        Ok(authorized)
    }

    /// A right token works from anywhere at any time; only wrong ones are counted.
    async fn bearer(&self, token: &Secret<String>, address: &str) -> Result<Authorized, AuthError> {
        let found = if looks_like_one(token) { self.session(token).await } else { self.token(token).await };
        let reason = match &found {
            Err(AuthError::UnknownToken) => "unknown token",
            Err(AuthError::ExpiredToken { .. }) => "expired token",
            Err(AuthError::EndedSession) => "ended session",
            _ => return found,
        };
        let now = self.now();
        self.parts.audit.failure(Who { kind: Kind::Token, name: "", address }, reason, now);
        // Expired ones are no guesses: somebody had them.
        if let (Err(AuthError::UnknownToken), Some(ip)) = (&found, Subject::address(address)) {
            let subject = Subject::Tokens(ip);
            if let Some(after) = self.lockout.locked(&subject, now) {
                return Err(AuthError::LockedOut { after });
            }
            self.lockout.failed(subject, token.expose(), self.parts.config.lockout.tokens_per_address, now);
        }
        found
    }

    async fn session(&self, token: &Secret<String>) -> Result<Authorized, AuthError> {
        let now = self.now();
        let claims = self.parts.signer.open(token, now)?;
        let session = store::session::get(self.store(), &claims.session(), now).await?;
        let session = session.ok_or(AuthError::EndedSession)?;
        Ok(Authorized {
            principal: Principal::user(&session.user, session.user_name),
            expires_at: Some(session.expires_at),
        })
    }

    async fn token(&self, text: &Secret<String>) -> Result<Authorized, AuthError> {
        let secret = TokenSecret::from_caller(text).ok_or(AuthError::UnknownToken)?;
        let token = store::token::by_secret(self.store(), &secret.hash()).await?.ok_or(AuthError::UnknownToken)?;
        let now = self.now();
        if token.expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::ExpiredToken { name: token.name });
        }
        self.note_use(&token, now).await?;
        Ok(Authorized {
            expires_at: token.expires_at,
            principal: Principal {
                kind: Kind::Token,
                id: token.id.to_string(),
                name: token.name,
                scopes: token.scopes,
            },
        })
    }

    /// Writes when a token was used, once a minute.
    async fn note_use(&self, token: &Token, now: Timestamp) -> Result<(), AuthError> {
        let second = now.as_second();
        let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(now);
        if token.last_used_at.is_some_and(|at| at >= minute) {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        store::token::used(&mut transaction, &token.id, minute).await?;
        Ok(transaction.commit().await?)
    }

    async fn basic(&self, name: &str, password: &Secret<String>, address: &str) -> Result<Authorized, AuthError> {
        let now = self.now();
        let known = store::user::by_name(self.store(), name).await?;
        let user = if let Some(user) = known.filter(|user| self.basic.holds(user, password, now)) {
            user
        } else {
            let user = self.check_password(name, password, address).await?;
            self.basic.insert(&user, password, now);
            user
        };
        Ok(Authorized { principal: Principal::user(&user.id, user.name), expires_at: None })
    }
}
