//! Tokens: who to be at a registry, as its token service puts it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use homeport_service::Secret;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::time::Instant;

use super::Credential;

/// What a token is good for when the service does not say; the distribution specification's own default.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// A token is renewed this long before it ends, so that it does not end on the way.
const MARGIN: Duration = Duration::from_secs(10);

/// No token is used for longer, whatever the service says.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// Tokens by the repository that they are good for.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Token>>);

/// What is sent along to be let in.
#[derive(Debug, Clone)]
pub(super) struct Token {
    header: Secret<HeaderValue>,
    /// No credentials stand behind it.
    pub(super) anonymous: bool,
    ends_at: Instant,
}

/// What a token service answers.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    token: Option<Secret<String>>,
    access_token: Option<Secret<String>>,
    expires_in: Option<f64>,
}

impl Tokens {
    /// The token for a repository, if there is one that still holds.
    pub(super) fn get(&self, repository: &str) -> Option<Token> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, token| token.ends_at > Instant::now());
        tokens.get(repository).cloned()
    }

    /// Keeps a token for a repository.
    pub(super) fn put(&self, repository: &str, token: Token) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.to_owned(), token);
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&self, repository: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(repository);
    }
}

impl Token {
    /// The `Authorization` header.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.expose().clone()
    }

    /// Name and password as they are.
    pub(super) fn basic(credential: &Credential) -> Option<Self> {
        use base64::Engine as _;
        let pair = format!("{}:{}", credential.username, credential.secret.expose());
        let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        Some(Self { header: sensitive(&text)?, anonymous: false, ends_at: Instant::now() + MAX_LIFETIME })
    }
}

impl TokenAnswer {
    /// The token in the answer. None: there is none that can be sent.
    pub(super) fn into_token(self, anonymous: bool) -> Option<Token> {
        let token = self.token.or(self.access_token).filter(|token| !token.expose().is_empty())?;
        let lifetime = self
            .expires_in
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map_or(DEFAULT_LIFETIME, |lifetime| lifetime.min(MAX_LIFETIME));
        Some(Token {
            header: sensitive(&format!("Bearer {}", token.expose()))?,
            anonymous,
            ends_at: Instant::now() + lifetime.saturating_sub(MARGIN),
        })
    }
}

fn sensitive(text: &str) -> Option<Secret<HeaderValue>> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(Secret::new(header))
}
