//! Signing in and out.

use homeport_service::Secret;
use jiff::{SignedDuration, Timestamp};

use super::{Auth, Principal};
use crate::{
    audit::{Kind, Way, Who},
    credential::session::Claims,
    error::AuthError,
    lockout::Subject,
    store::{self, SessionId, User, session::NewSession},
};

/// Longest name that is looked at; no user has a longer one.
const NAME_MAX: usize = 64;

/// A session that began.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) token: Secret<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) principal: Principal,
    pub(crate) must_change_password: bool,
}

impl Auth {
    /// Begins a session.
    pub(crate) async fn login(&self, name: &str, password: &Secret<String>, address: &str) -> Result<Login, AuthError> {
        let user = self.check_password(name, password, address).await?;
        let now = self.now();
        let lifetime = SignedDuration::from_secs(self.parts.config.session.lifetime_s.into());
        let expires_at = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let id = SessionId::random();
        let token = self.parts.signer.sign(&Claims::new(&id, &user.id, &user.name, now, expires_at))?;
        let mut transaction = self.store().begin().await?;
        let session = NewSession { id: &id, user: &user.id, address, created_at: now, expires_at };
        store::session::insert(&mut transaction, session, self.parts.config.session.count_max).await?;
        transaction.commit().await?;
        self.parts.audit.success(Who { kind: Kind::User, name: &user.name, address }, Way::Login, now);
        Ok(Login {
            token,
            expires_at,
            must_change_password: user.must_change_password,
            principal: Principal::user(&user.id, user.name),
        })
    }

    /// Ends the session of a token. One that has ended stays so.
    pub(crate) async fn logout(&self, token: &Secret<String>) -> Result<(), AuthError> {
        let now = self.now();
        let id = match self.parts.signer.open(token, now) {
            Ok(claims) => claims.session(),
            Err(AuthError::EndedSession) => return Ok(()),
            Err(error) => return Err(error),
        };
        let Some(session) = store::session::get(self.store(), &id, now).await? else { return Ok(()) };
        let mut transaction = self.store().begin().await?;
        let ended = store::session::delete(&mut transaction, &id).await?;
        transaction.commit().await?;
        if ended {
            self.parts.audit.logout(Who { kind: Kind::User, name: &session.user_name, address: "" });
        }
        Ok(())
    }

    /// The user with this name and password. Takes as long for a name that nobody has.
    pub(super) async fn check_password(
        &self,
        name: &str,
        password: &Secret<String>,
        address: &str,
    ) -> Result<User, AuthError> {
        let who = Who { kind: Kind::User, name, address };
        let (by_name, by_address) = (subject_of(name), Subject::address(address).map(Subject::Address));
        for subject in std::iter::once(&by_name).chain(&by_address) {
            if let Some(after) = self.lockout.locked(subject, self.now()) {
                self.parts.audit.failure(who, "locked out", self.now());
                return Err(AuthError::LockedOut { after });
            }
        }
        let user = store::user::by_name(self.store(), name).await?;
        let hash = user.as_ref().map(|user| user.password_hash.expose().as_str());
        let right = self.passwords.verify(password, hash).await?;
        if let Some(user) = user.filter(|_| right) {
            self.lockout.forgive(&by_name);
            return Ok(user);
        }
        let (now, limits) = (self.now(), &self.parts.config.lockout);
        let guess = (name, password.expose());
        self.lockout.failed(by_name, guess, limits.failures_per_name, now);
        if let Some(subject) = by_address {
            self.lockout.failed(subject, guess, limits.failures_per_address, now);
        }
        self.parts.audit.failure(who, "wrong name or password", now);
        Err(AuthError::WrongPassword)
    }
}

fn subject_of(name: &str) -> Subject {
    Subject::Name(name.chars().take(NAME_MAX).collect())
}
