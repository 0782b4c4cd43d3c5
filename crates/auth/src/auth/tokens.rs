//! Tokens of every kind.

use homeport_service::Secret;
use jiff::{SignedDuration, Timestamp};

use super::Auth;
use crate::{
    changes::{self, Change},
    credential::token::{SecretHash, prefix, suffix},
    error::AuthError,
    grant::Grant,
    revocation::Revoked,
    role::Role,
    scope::Scope,
    store::{self, Token, TokenId, UserId},
    token_kind::TokenKind,
};

/// Longest name: that of a plugin, 64, with `-install-token`.
const NAME_MAX: usize = 64 + 14;
/// Longest subject: the URI of a plugin.
const SUBJECT_MAX: usize = 200;
/// Scopes of one token. The longest lists of existing plugins have about ten.
const SCOPES_MAX: usize = 64;
/// Tokens of one kind that can exist.
const TOKENS_MAX: u32 = 1000;
/// How long a plugin's page may go on without being opened anew; existing pages know this time.
const UI_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// A token that is wanted.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub(crate) kind: TokenKind,
    pub(crate) subject: Option<String>,
    pub(crate) user: Option<UserId>,
    pub(crate) name: String,
    /// Empty: everything.
    pub(crate) scopes: Vec<String>,
    pub(crate) role: Role,
    /// A person confirmed that a plugin may do everything.
    pub(crate) unscoped: bool,
    /// None: never.
    pub(crate) expires_at: Option<Timestamp>,
}

/// A way to say which token is meant.
#[derive(Debug)]
pub(crate) enum TokenName {
    Id(TokenId),
    Subject(TokenKind, String),
    Secret(Secret<String>),
}

impl Auth {
    /// Makes a token and its secret, which is not known to us afterwards.
    pub(crate) async fn create_token(&self, wanted: NewToken) -> Result<(Token, Secret<String>), AuthError> {
        let secret = wanted.kind.random();
        let token = self.check(wanted, &secret)?;
        if let Some(user) = &token.user {
            self.user(user).await?;
        }
        self.keep_token(&token, &secret).await?;
        tracing::info!(token.kind = token.kind.as_str(), token.name = token.name, token.id = %token.id, "token made");
        Ok((token, secret))
    }

    /// Keeps a token whose secret is known to its owner.
    pub(super) async fn keep_token(&self, token: &Token, secret: &Secret<String>) -> Result<(), AuthError> {
        let hash = SecretHash::of(secret);
        if token.kind == TokenKind::Ui {
            return self.ui_tokens.insert(token.clone(), &hash, self.now());
        }
        if self.parts.file_tokens.has_name(token.kind, &token.name) {
            return Err(AuthError::TokenExists { name: token.name.clone() });
        }
        let mut transaction = self.store().begin().await?;
        if store::token::count(&mut transaction, token.kind).await? >= TOKENS_MAX {
            return Err(AuthError::TooManyTokens { limit: TOKENS_MAX });
        }
        if !store::token::insert(&mut transaction, token, &hash).await? {
            return Err(AuthError::TokenExists { name: token.name.clone() });
        }
        changes::token(&mut transaction, Change::Create, token).await?;
        Ok(transaction.commit().await?)
    }

    /// All of a kind, by name.
    pub(crate) async fn tokens(&self, kind: TokenKind, user: Option<&UserId>) -> Result<Vec<Token>, AuthError> {
        let mut tokens = match kind {
            TokenKind::Ui => self.ui_tokens.list(),
            _ => store::token::list(self.store(), kind, user).await?,
        };
        if kind == TokenKind::Api && user.is_none() {
            tokens.extend(self.parts.file_tokens.list());
        }
        tokens.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tokens)
    }

    /// The token that is meant. With a user, only if it acts for that user.
    async fn named(&self, name: &TokenName, user: Option<&UserId>) -> Result<Token, AuthError> {
        let (found, shown) = match name {
            TokenName::Id(id) => (self.token_of_id(id).await?, id.to_string()),
            TokenName::Subject(kind, subject) => {
                (store::token::by_subject(self.store(), *kind, subject).await?, subject.clone())
            }
            TokenName::Secret(secret) => {
                let hash = SecretHash::of(secret);
                let kept = store::token::by_secret(self.store(), &hash).await?.map(|(token, _)| token);
                (kept.or_else(|| self.parts.file_tokens.get(&hash)), "of this secret".to_owned())
            }
        };
        let found = found.filter(|token| user.is_none_or(|user| token.user.as_ref() == Some(user)));
        let token = found.ok_or(AuthError::NoSuchToken { id: shown })?;
        if token.in_file { Err(AuthError::InFile { name: token.name }) } else { Ok(token) }
    }

    async fn token_of_id(&self, id: &TokenId) -> Result<Option<Token>, AuthError> {
        let kept = store::token::by_id(self.store(), id).await?;
        let of_id = |tokens: Vec<Token>| tokens.into_iter().find(|token| token.id == *id);
        Ok(kept.or_else(|| of_id(self.parts.file_tokens.list())).or_else(|| of_id(self.ui_tokens.list())))
    }

    /// Replaces the scopes of a token.
    pub(crate) async fn rescope_token(
        &self,
        name: &TokenName,
        user: Option<&UserId>,
        scopes: Vec<String>,
        unscoped: bool,
    ) -> Result<Token, AuthError> {
        let mut token = self.named(name, user).await?;
        token.grant.scopes = parse_scopes(token.kind, scopes, unscoped)?;
        let mut transaction = self.store().begin().await?;
        store::token::rescope(&mut transaction, &token.id, &token.grant.scopes).await?;
        changes::token(&mut transaction, Change::Update, &token).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::token(&token.id));
        tracing::info!(token.name = token.name, token.id = %token.id, "token given other scopes");
        Ok(token)
    }

    /// Gives a token another secret.
    pub(crate) async fn refresh_token(
        &self,
        name: &TokenName,
        user: Option<&UserId>,
    ) -> Result<(Token, Secret<String>), AuthError> {
        let mut token = self.named(name, user).await?;
        let secret = token.kind.random();
        (token.prefix, token.suffix) = (prefix(&secret), suffix(&secret));
        let mut transaction = self.store().begin().await?;
        // Of two who show the same secret, the second comes too late.
        let old = if let TokenName::Secret(old) = name { Some(SecretHash::of(old)) } else { None };
        if !store::token::refresh(&mut transaction, &token, &SecretHash::of(&secret), old.as_ref()).await? {
            return Err(AuthError::NoSuchToken { id: token.id.to_string() });
        }
        changes::token(&mut transaction, Change::Update, &token).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::token(&token.id));
        tracing::info!(token.name = token.name, token.id = %token.id, "token given another secret");
        Ok((token, secret))
    }

    /// Deletes a token, which is refused from then on.
    pub(crate) async fn delete_token(&self, name: &TokenName, user: Option<&UserId>) -> Result<(), AuthError> {
        let token = self.named(name, user).await?;
        if token.kind == TokenKind::Ui {
            self.ui_tokens.remove(&token.id);
        } else {
            let mut transaction = self.store().begin().await?;
            if !store::token::delete(&mut transaction, &token.id).await? {
                return Err(AuthError::NoSuchToken { id: token.id.to_string() });
            }
            changes::token(&mut transaction, Change::Delete, &token).await?;
            transaction.commit().await?;
        }
        self.revocations.tell(Revoked::token(&token.id));
        tracing::info!(token.name = token.name, token.id = %token.id, "token deleted");
        Ok(())
    }

    fn check(&self, wanted: NewToken, secret: &Secret<String>) -> Result<Token, AuthError> {
        let now = self.now();
        let NewToken { kind, subject, user, name, scopes, role, unscoped, mut expires_at } = wanted;
        if !(1..=NAME_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(AuthError::TokenName);
        }
        let subject = subject.filter(|_| kind.has_subject());
        let fits = |text: &String| text.len() <= SUBJECT_MAX && !text.chars().any(char::is_control);
        if subject.as_ref().is_some_and(|subject| !fits(subject)) || (kind.has_subject() && subject.is_none()) {
            return Err(AuthError::TokenSubject);
        }
        let mut scopes = parse_scopes(kind, scopes, unscoped)?;
        if kind == TokenKind::Ui {
            let of_plugin = format!("/plugins/{}:rw", subject.as_deref().unwrap_or_default());
            scopes = parse_scopes(kind, vec![of_plugin], false)?;
            expires_at = now.checked_add(UI_LIFETIME).ok();
        }
        if expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::TokenExpiry);
        }
        Ok(Token {
            id: TokenId::random(),
            kind,
            subject,
            user,
            name,
            prefix: prefix(secret),
            suffix: suffix(secret),
            grant: Grant { role, scopes },
            created_at: now,
            expires_at,
            last_used_at: None,
            in_file: false,
        })
    }
}

/// Reads the scopes of a token. A plugin that has none would be an administrator, which a person must have confirmed.
pub(super) fn parse_scopes(kind: TokenKind, texts: Vec<String>, unscoped: bool) -> Result<Vec<Scope>, AuthError> {
    if texts.len() > SCOPES_MAX {
        return Err(AuthError::TooManyScopes { limit: SCOPES_MAX });
    }
    if kind == TokenKind::Plugin && texts.is_empty() && !unscoped {
        return Err(AuthError::Unscoped);
    }
    let scope = |text: String| Scope::parse(&text).map_err(|source| AuthError::Scope { scope: text, source });
    texts.into_iter().map(scope).collect()
}
