//! API tokens.

use homeport_service::Secret;
use jiff::Timestamp;

use super::Auth;
use crate::{
    credential::token::Secret as TokenSecret,
    error::AuthError,
    scope::Scope,
    store::{self, Token, TokenId},
};

/// Longest name.
const NAME_MAX: usize = 64;
/// Scopes of one token. The longest lists of existing plugins have about ten.
const SCOPES_MAX: usize = 64;
/// Tokens that can exist.
const TOKENS_MAX: u32 = 1000;

/// A token that is wanted.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub(crate) name: String,
    /// Empty: everything.
    pub(crate) scopes: Vec<String>,
    /// None: never.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Auth {
    /// Makes a token and its secret, which is not known to us afterwards.
    pub(crate) async fn create_token(&self, wanted: NewToken) -> Result<(Token, Secret<String>), AuthError> {
        let secret = TokenSecret::random();
        let token = self.check(wanted, &secret)?;
        let mut transaction = self.store().begin().await?;
        if store::token::count(&mut transaction).await? >= TOKENS_MAX {
            return Err(AuthError::TooManyTokens { limit: TOKENS_MAX });
        }
        if !store::token::insert(&mut transaction, &token, &secret.hash()).await? {
            return Err(AuthError::TokenExists { name: token.name });
        }
        transaction.commit().await?;
        tracing::info!(token.name = token.name, token.id = %token.id, "token made");
        Ok((token, secret.into_text()))
    }

    /// All tokens, by name.
    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, AuthError> {
        Ok(store::token::list(self.store()).await?)
    }

    /// Deletes a token, which is refused from then on.
    pub(crate) async fn delete_token(&self, id: &TokenId) -> Result<(), AuthError> {
        let mut transaction = self.store().begin().await?;
        if !store::token::delete(&mut transaction, id).await? {
            return Err(AuthError::NoSuchToken { id: id.to_string() });
        }
        transaction.commit().await?;
        tracing::info!(token.id = %id, "token deleted");
        Ok(())
    }

    fn check(&self, wanted: NewToken, secret: &TokenSecret) -> Result<Token, AuthError> {
        let now = self.now();
        if !(1..=NAME_MAX).contains(&wanted.name.chars().count()) || wanted.name.chars().any(char::is_control) {
            return Err(AuthError::TokenName);
        }
        if wanted.expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::TokenExpiry);
        }
        if wanted.scopes.len() > SCOPES_MAX {
            return Err(AuthError::TooManyScopes { limit: SCOPES_MAX });
        }
        let scope = |text: String| Scope::parse(&text).map_err(|source| AuthError::Scope { scope: text, source });
        Ok(Token {
            id: TokenId::random(),
            name: wanted.name,
            prefix: secret.prefix().to_owned(),
            scopes: wanted.scopes.into_iter().map(scope).collect::<Result<_, _>>()?,
            created_at: now,
            expires_at: wanted.expires_at,
            last_used_at: None,
        })
    }
}
