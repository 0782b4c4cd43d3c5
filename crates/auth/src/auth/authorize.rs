//! What a credential may do.

use std::{hash::Hash, net::IpAddr};

use homeport_service::Secret;
use jiff::Timestamp;

use super::{Auth, Principal};
use crate::{
    credential::{Credential, password::Passwords, session::looks_like_one, token::SecretHash},
    error::AuthError,
    events::{Kind, Way, Who},
    grant::{Grant, Lacking},
    lockout::{Subject, is_loopback},
    role::{Role, Verb},
    store::{self, Owner, Token, User},
    token_kind::TokenKind,
    uses::Used,
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
    pub(crate) verb: Verb,
    /// Proof of the second factor. Empty: none.
    pub(crate) second_factor: &'a Secret<String>,
    pub(crate) need: FactorNeed,
    pub(crate) entrance: Entrance,
}

/// What a request opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// Nothing but itself.
    Request,
    /// A websocket with events: scopes must name its very path.
    Websocket,
    /// The same one, which is open already.
    OpenWebsocket,
}

/// When a request needs the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorNeed {
    /// Of those who want it always.
    Usual,
    /// Of everybody who has one.
    Required,
    /// It is a part of showing it.
    Never,
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
        let principal = &authorized.principal;
        let (who, now) = (Who { kind: principal.kind, name: &principal.name, address: request.address }, self.now());
        let covered = match request.entrance {
            Entrance::Request => principal.grant.covers(request.method, request.path, request.verb),
            Entrance::Websocket | Entrance::OpenWebsocket => {
                principal.grant.names(request.method, request.path, request.verb)
            }
        };
        if let Err(lacking) = covered {
            let principal = Box::new(principal.clone());
            return Err(match lacking {
                Lacking::Scope => {
                    self.parts.events.failure(who, "out of scope", now);
                    let (method, path) = (request.method.to_owned(), request.path.to_owned());
                    AuthError::OutOfScope { principal, method, path }
                }
                Lacking::Role => {
                    self.parts.events.failure(who, "not allowed", now);
                    AuthError::NotAllowed { principal, verb: request.verb }
                }
            });
        }
        let proven_until = self.second_factor(&authorized.principal, request).await.inspect_err(|_| {
            self.parts.events.failure(who, "second factor missing", now);
        })?;
        match request.entrance {
            Entrance::Request => self.parts.events.success(who, Way::Api, now),
            Entrance::Websocket => self.parts.events.success(who, Way::Websocket, now),
            Entrance::OpenWebsocket => {}
        }
        let expires_at = authorized.expires_at.into_iter().chain(proven_until).min();
        Ok(Authorized { expires_at, ..authorized })
    }

    /// Until when the second factor is shown, where the request needs it.
    async fn second_factor(
        &self,
        principal: &Principal,
        request: &Request<'_>,
    ) -> Result<Option<Timestamp>, AuthError> {
        let Some(user) = principal.user.as_ref().filter(|_| principal.kind == Kind::User) else {
            // Before anybody has one, what a token's grant covers is enough.
            let needs = request.need == FactorNeed::Required && store::factor::anybody(self.store()).await?;
            return if needs { Err(AuthError::NoPerson) } else { Ok(None) };
        };
        let enrolment = match request.need {
            FactorNeed::Never => return Ok(None),
            FactorNeed::Usual | FactorNeed::Required => store::factor::enrolment(self.store(), user).await?,
        };
        if !(enrolment.always_on || (request.need == FactorNeed::Required && enrolment.enrolled)) {
            return Ok(None);
        }
        match self.proven(user, request.second_factor, request.address) {
            Err(AuthError::NoProof) => Err(AuthError::FactorMissing { principal: Box::new(principal.clone()) }),
            proven => proven.map(Some),
        }
    }

    /// A right token works from anywhere at any time; only wrong ones are counted.
    async fn bearer(&self, token: &Secret<String>, address: &str) -> Result<Authorized, AuthError> {
        let found = if looks_like_one(token) { self.session(token).await } else { self.token(token).await };
        let reason = match &found {
            Err(AuthError::UnknownToken) => "unknown token",
            Err(AuthError::ExpiredToken { .. }) => "expired token",
            Err(AuthError::EndedSession) => "ended session",
            Err(AuthError::Disabled { .. }) => "disabled account",
            _ => return found,
        };
        let now = self.now();
        self.parts.events.failure(Who { kind: Kind::Token, name: "", address }, reason, now);
        match found {
            // Expired ones are no guesses: somebody had them.
            Err(error @ AuthError::UnknownToken) => Err(self.guessed(Subject::Tokens, address, token.expose(), error)),
            found => found,
        }
    }

    /// What a wrong guess from an address is answered with: why it is wrong or, after too many of them, that the guesser
    /// has to wait. Whoever has the right one never comes here.
    pub(super) fn guessed(
        &self,
        subject: fn(IpAddr) -> Subject,
        address: &str,
        guess: impl Hash,
        error: AuthError,
    ) -> AuthError {
        let Some(subject) = Subject::address(address).map(subject) else { return error };
        let now = self.now();
        if let Some(after) = self.lockout.locked(&subject, now) {
            return AuthError::LockedOut { after };
        }
        self.lockout.failed(subject, guess, self.parts.config.lockout.tokens_per_address, now);
        error
    }

    async fn session(&self, token: &Secret<String>) -> Result<Authorized, AuthError> {
        let now = self.now();
        let id = self.parts.signer.open(token, now)?.session();
        let session = store::session::get(self.store(), &id, now).await?;
        let session = session.ok_or(AuthError::EndedSession)?;
        if session.disabled {
            return Err(AuthError::Disabled { name: session.user_name });
        }
        let principal = Principal::user(&session.user, session.user_name, session.role, Some(&id));
        self.uses.note(Used::Session(id), Some(session.last_activity_at), now);
        Ok(Authorized { principal, expires_at: Some(session.expires_at) })
    }

    async fn token(&self, text: &Secret<String>) -> Result<Authorized, AuthError> {
        let now = self.now();
        let hash = SecretHash::from_caller(text).ok_or(AuthError::UnknownToken)?;
        let (token, owner) = self.find_token(&hash).await?.ok_or(AuthError::UnknownToken)?;
        if token.expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::ExpiredToken { name: token.name });
        }
        if let Some(owner) = owner.as_ref().filter(|owner| owner.disabled) {
            return Err(AuthError::Disabled { name: owner.name.clone() });
        }
        if !token.in_file && token.kind != TokenKind::Ui {
            self.uses.note(Used::Token(token.id.clone()), token.last_used_at, now);
        }
        Ok(Authorized { expires_at: token.expires_at, principal: principal(token, owner) })
    }

    /// The token with this secret, wherever it is kept, and whom it acts for.
    async fn find_token(&self, hash: &SecretHash) -> Result<Option<(Token, Option<Owner>)>, AuthError> {
        if let Some(found) = store::token::by_secret(self.store(), hash).await? {
            return Ok(Some(found));
        }
        if let Some(token) = self.parts.file_tokens.get(hash) {
            return Ok(Some((token, None)));
        }
        let Some(token) = self.ui_tokens.get(hash) else { return Ok(None) };
        let Some(user) = &token.user else { return Ok(Some((token, None))) };
        // Whoever opened the page may be gone since.
        let user = store::user::by_id(self.store(), user).await?;
        Ok(user.map(|user| (token, Some(Owner { name: user.name, role: user.role, disabled: user.disabled }))))
    }

    async fn basic(&self, name: &str, password: &Secret<String>, address: &str) -> Result<Authorized, AuthError> {
        let now = self.now();
        let known = store::user::by_name(self.store(), name).await?;
        // What was right a moment ago on the machine itself may be a password that is good nowhere else.
        let may_come = |user: &User| is_loopback(address) || !Passwords::is_known(&user.name, password);
        let known = known.filter(|user| !user.disabled && may_come(user) && self.basic.holds(user, password, now));
        let user = if let Some(user) = known {
            user
        } else {
            let user = self.check_password(name, password, address).await?;
            self.basic.insert(&user, password, now);
            user
        };
        Ok(Authorized { principal: Principal::user(&user.id, user.name, user.role, None), expires_at: None })
    }
}

/// Who shows a token. It may never do more than whom it acts for.
fn principal(token: Token, owner: Option<Owner>) -> Principal {
    let most = owner.as_ref().map_or(Role::Admin, |owner| owner.role);
    let grant = Grant::within(token.grant, most);
    let name = match (token.kind, owner, token.subject) {
        // A person's own applications act in the person's name.
        (TokenKind::Key, Some(owner), _) => owner.name,
        (TokenKind::Plugin | TokenKind::Ui | TokenKind::Project, _, Some(subject)) => subject,
        _ => token.name,
    };
    let (kind, id) = (token.kind.principal(), token.id.to_string());
    Principal { kind, credential: Some(id.clone()), id, name, grant, user: token.user }
}
