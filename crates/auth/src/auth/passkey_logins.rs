//! Sign-ins by passkey: tokens that act for their user, and end as the user's sessions do.

use homeport_service::Secret;
use homeport_store::Transaction;
use jiff::{SignedDuration, Timestamp};

use super::Auth;
use crate::{
    changes::{self, Change},
    credential::token::{SecretHash, prefix, suffix},
    error::AuthError,
    events::{Kind, Way, Who},
    grant::Grant,
    revocation::Revoked,
    role::Role,
    store::{self, Token, TokenId, User, UserId},
    token_kind::TokenKind,
};

/// How long a sign-in lasts.
const LOGIN_LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What the token of a sign-in is called, before the user's name.
const LOGIN_PREFIX: &str = "webauthn:";
/// Sign-ins of one user by passkey at the same time; one more ends the oldest.
const LOGINS_MAX: usize = 20;

/// A sign-in.
#[derive(Debug)]
pub(crate) struct PasskeyLogin {
    pub(crate) name: String,
    pub(crate) token: Secret<String>,
    pub(crate) expires_at: Timestamp,
}

impl Auth {
    /// Makes the token of a sign-in. It acts for its user, and ends with the user.
    pub(super) async fn begin_login(&self, user: User, address: &str) -> Result<PasskeyLogin, AuthError> {
        let now = self.now();
        let expires_at = now.saturating_add(LOGIN_LIFETIME).unwrap_or(Timestamp::MAX);
        self.end_oldest_login(&user, address).await?;
        let secret = TokenKind::Api.random();
        let base = format!("{LOGIN_PREFIX}{}", user.name);
        let mut token = login_token(&user, base.clone(), &secret, now, expires_at);
        let mut transaction = self.store().begin().await?;
        for number in 2.. {
            if store::token::insert(&mut transaction, &token, &SecretHash::of(&secret)).await? {
                break;
            }
            if number > 10 * LOGINS_MAX {
                return Err(AuthError::TokenExists { name: base });
            }
            token.name = format!("{base}:{number}");
        }
        changes::token(&mut transaction, Change::Create, &token).await?;
        store::user::signed_in(&mut transaction, &user.id, now).await?;
        transaction.commit().await?;
        self.parts.events.success(Who { kind: Kind::User, name: &user.name, address }, Way::Login, now);
        Ok(PasskeyLogin { name: user.name, token: secret, expires_at })
    }

    async fn end_oldest_login(&self, user: &User, address: &str) -> Result<(), AuthError> {
        let mut logins = self.logins(&user.id).await?;
        logins.sort_by_key(|token| token.created_at);
        let now = self.now();
        let too_many = logins.len().saturating_sub(LOGINS_MAX - 1);
        let ended = logins.iter().enumerate();
        let ended = ended.filter(|(place, token)| *place < too_many || token.expires_at.is_some_and(|at| at <= now));
        let mut transaction = self.store().begin().await?;
        let mut revoked = Revoked::default();
        for (_, token) in ended {
            self.end_login(&mut transaction, token, address).await?;
            revoked.credentials.insert(token.id.to_string());
        }
        transaction.commit().await?;
        self.revocations.tell(revoked);
        Ok(())
    }

    /// Ends a sign-in by passkey, and tells whether the token was one of such.
    pub(crate) async fn end_passkey_login(&self, id: &TokenId, address: &str) -> Result<bool, AuthError> {
        let token = store::token::by_id(self.store(), id).await?;
        let Some(token) = token.filter(|token| token.name.starts_with(LOGIN_PREFIX)) else { return Ok(false) };
        let mut transaction = self.store().begin().await?;
        self.end_login(&mut transaction, &token, address).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::token(&token.id));
        tracing::info!(token.name = token.name, "signed out");
        Ok(true)
    }

    /// Ends a sign-in, once the transaction is kept.
    async fn end_login(&self, transaction: &mut Transaction, token: &Token, address: &str) -> Result<(), AuthError> {
        let name = match &token.user {
            Some(user) => self.user(user).await?.name,
            None => String::new(),
        };
        store::token::delete(transaction, &token.id).await?;
        changes::token(transaction, Change::Delete, token).await?;
        Ok(changes::logout(transaction, Who { kind: Kind::User, name: &name, address }, 1).await?)
    }

    /// Ends a user's sign-ins by passkey but the one whose token is given, once the transaction is kept, and tells which.
    pub(super) async fn end_logins(
        &self,
        transaction: &mut Transaction,
        user: &UserId,
        kept: Option<&Secret<String>>,
        address: &str,
    ) -> Result<Vec<TokenId>, AuthError> {
        let kept = match kept.and_then(SecretHash::from_caller) {
            Some(hash) => store::token::by_secret(self.store(), &hash).await?.map(|(token, _)| token.id),
            None => None,
        };
        // The transaction is the one writer: none can begin meanwhile.
        let mut ended = self.logins(user).await?;
        ended.retain(|token| kept.as_ref() != Some(&token.id));
        for token in &ended {
            self.end_login(transaction, token, address).await?;
        }
        Ok(ended.into_iter().map(|token| token.id).collect())
    }

    /// A user's sign-ins by passkey.
    async fn logins(&self, user: &UserId) -> Result<Vec<Token>, AuthError> {
        let mut logins = store::token::list(self.store(), TokenKind::Api, Some(user)).await?;
        logins.retain(|token| token.name.starts_with(LOGIN_PREFIX));
        Ok(logins)
    }
}

fn login_token(user: &User, name: String, secret: &Secret<String>, now: Timestamp, expires_at: Timestamp) -> Token {
    Token {
        id: TokenId::random(),
        kind: TokenKind::Api,
        subject: None,
        user: Some(user.id.clone()),
        name,
        prefix: prefix(secret),
        suffix: suffix(secret),
        grant: Grant::of(Role::Admin),
        created_at: now,
        expires_at: Some(expires_at),
        last_used_at: None,
        in_file: false,
    }
}
