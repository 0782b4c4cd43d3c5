//! Signing in and out.

use homeport_service::Secret;
use jiff::{SignedDuration, Timestamp};

use super::{Auth, Principal};
use crate::{
    address::host,
    changes,
    credential::{password::Passwords, session::Claims},
    error::AuthError,
    events::{Kind, Way, Who},
    lockout::{Subject, is_loopback},
    revocation::Revoked,
    store::{self, SessionId, User, session::NewSession},
};

/// Longest name that is looked at; no user has a longer one.
const NAME_MAX: usize = 64;

/// Longest text that a client may say it is.
const USER_AGENT_MAX: usize = 256;

/// Somebody who wants to sign in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a Secret<String>,
    /// Empty: not known.
    pub(crate) address: &'a str,
    pub(crate) user_agent: &'a str,
}

/// A session that began.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) token: Secret<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) principal: Principal,
    pub(crate) must_change_password: bool,
}

impl Auth {
    /// Begins a session. People at a form are told to wait after fewer failures than clients that send a password with
    /// every request, and each failure counts.
    pub(crate) async fn login(&self, attempt: Attempt<'_>) -> Result<Login, AuthError> {
        let Attempt { name, password, address, .. } = attempt;
        let form = Subject::address(address).map(Subject::Login);
        if let Some(after) = form.as_ref().and_then(|form| self.lockout.locked(form, self.now())) {
            self.parts.events.failure(Who { kind: Kind::User, name, address }, "locked out", self.now());
            return Err(AuthError::LockedOut { after });
        }
        match self.check_password(name, password, address).await {
            Ok(user) => {
                if let Some(form) = &form {
                    self.lockout.forgive(form);
                }
                self.begin_session(user, attempt).await
            }
            Err(error) => {
                if let (AuthError::WrongPassword, Some(form)) = (&error, form) {
                    let limit = self.parts.config.lockout.logins_per_address;
                    self.lockout.failed(form, rand::random::<u64>(), limit, self.now());
                }
                Err(error)
            }
        }
    }

    /// Begins a session of somebody who has proved who it is.
    pub(crate) async fn begin_session(&self, user: User, attempt: Attempt<'_>) -> Result<Login, AuthError> {
        let Attempt { address, user_agent, .. } = attempt;
        let now = self.now();
        let lifetime = SignedDuration::from_secs(self.parts.config.session.lifetime_s.into());
        let expires_at = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let id = SessionId::random();
        let token = self.parts.signer.sign(&Claims::new(&id, &user, now, expires_at))?;
        let user_agent =
            user_agent.char_indices().nth(USER_AGENT_MAX).map_or(user_agent, |(end, _)| &user_agent[..end]);
        let mut transaction = self.store().begin().await?;
        let session =
            NewSession { id: &id, user: &user.id, address: host(address), user_agent, created_at: now, expires_at };
        let ended = store::session::insert(&mut transaction, session, self.parts.config.session.count_max).await?;
        let who = Who { kind: Kind::User, name: &user.name, address };
        changes::logout(&mut transaction, who, ended.len()).await?;
        store::user::signed_in(&mut transaction, &user.id, now).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::sessions(&ended));
        self.parts.events.success(who, Way::Login, now);
        Ok(Login {
            token,
            expires_at,
            must_change_password: user.must_change_password || Passwords::is_known(&user.name, attempt.password),
            principal: Principal::user(&user.id, user.name, user.role, Some(&id)),
        })
    }

    /// Ends the session of a token. One that has ended stays so.
    pub(crate) async fn logout(&self, token: &Secret<String>, address: &str) -> Result<(), AuthError> {
        let now = self.now();
        let id = match self.parts.signer.open(token, now) {
            Ok(claims) => claims.session(),
            Err(AuthError::EndedSession) => return Ok(()),
            Err(error) => return Err(error),
        };
        let Some(session) = store::session::get(self.store(), &id, now).await? else { return Ok(()) };
        let mut transaction = self.store().begin().await?;
        if store::session::delete(&mut transaction, &id, None).await? {
            let who = Who { kind: Kind::User, name: &session.user_name, address };
            changes::logout(&mut transaction, who, 1).await?;
            transaction.commit().await?;
            self.revocations.tell(Revoked::sessions(&[id]));
            tracing::info!(user.name = session.user_name, "signed out");
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
        let away = by_address.as_ref().and_then(|subject| self.lockout.locked(subject, self.now()));
        let name_lock = self.name_lock(&by_name, name, address).await?;
        if let Some(after) = away.or(name_lock.at_once()) {
            self.parts.events.failure(who, "locked out", self.now());
            return Err(AuthError::LockedOut { after });
        }
        let user = store::user::by_name(self.store(), name).await?;
        let hash = user.as_ref().map(|user| user.password_hash.expose().as_str());
        let verified = self.passwords.verify(password, hash).await?;
        if let Some(user) = user.filter(|_| verified.right && name_lock.is_open()) {
            if !name_lock.is_set() {
                self.lockout.forgive(&by_name);
            }
            if user.disabled {
                self.parts.events.failure(who, "disabled account", self.now());
                return Err(AuthError::Disabled { name: user.name });
            }
            if Passwords::is_known(&user.name, password) && !is_loopback(address) {
                self.parts.events.failure(who, "a password that everybody knows", self.now());
                return Err(AuthError::KnownPassword);
            }
            self.remember_address(&user, address).await;
            return if verified.outdated { self.rehash(user, password).await } else { Ok(user) };
        }
        let (now, limits) = (self.now(), &self.parts.config.lockout);
        let guess = (name, password.expose());
        if !name_lock.is_set() {
            self.lockout.failed(by_name, guess, limits.failures_per_name, now);
        }
        if let Some(subject) = by_address {
            self.lockout.failed(subject, guess, limits.failures_per_address, now);
        }
        if let Some(after) = name_lock.afterwards() {
            self.parts.events.failure(who, "locked out", now);
            return Err(AuthError::LockedOut { after });
        }
        self.parts.events.failure(who, "wrong name or password", now);
        Err(AuthError::WrongPassword)
    }

    /// Hashes a password that was right as passwords are hashed now.
    async fn rehash(&self, user: User, password: &Secret<String>) -> Result<User, AuthError> {
        let hash = self.passwords.hash(password).await?;
        let mut transaction = self.store().begin().await?;
        store::user::rehash(&mut transaction, &user, &hash).await?;
        transaction.commit().await?;
        tracing::info!(user.name = user.name, "password hashed anew, in the present way");
        Ok(User { password_hash: Secret::new(hash), ..user })
    }
}

fn subject_of(name: &str) -> Subject {
    Subject::Name(name.chars().take(NAME_MAX).collect())
}
