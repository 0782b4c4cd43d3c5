//! One registry: its requests, one by one.

mod answer;
mod authorize;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    Credentials, RegistryConfig, RegistryError, Transport,
    breaker::Breaker,
    budget::{Budget, Cost, Urgency},
    challenge::Challenge,
    endpoint::{Endpoint, Transport as Security},
    token::Tokens,
};
pub(super) use answer::Answer;

/// One registry.
pub(super) struct Host {
    endpoint: Endpoint,
    config: RegistryConfig,
    /// Makes the requests that the transport carries.
    http: reqwest::Client,
    transport: Arc<dyn Transport>,
    credentials: Arc<dyn Credentials>,
    breaker: Breaker,
    /// Of the identity that the credentials give, of which there is one a registry.
    budget: Budget,
    slots: Semaphore,
    tokens: Tokens,
    /// TLS did not work, and plain HTTP did.
    is_plain: AtomicBool,
    /// The registry asked to be left alone until then.
    rests_until: Mutex<Option<Instant>>,
}

/// A question for a registry.
#[derive(Debug, Clone)]
pub(super) struct Question<'q> {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: &'q str,
    pub(super) accept: &'q str,
    pub(super) repository: &'q str,
    /// What it is about, for people.
    pub(super) what: &'q str,
    /// A longer answer is an error.
    pub(super) max_bytes: usize,
    pub(super) cost: Cost,
    pub(super) urgency: Urgency,
    /// What is known already: the answer may be that it still holds.
    pub(super) known: Option<&'q Validator>,
}

/// By what a registry tells whether an answer still holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validator {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Validator {
    /// Of the headers of an answer. None: it has none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let found = Self { etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
        (found != Self::default()).then_some(found)
    }

    fn ask(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.etag, &self.last_modified) {
            (Some(etag), _) => request.header(IF_NONE_MATCH, etag),
            (None, Some(last_modified)) => request.header(IF_MODIFIED_SINCE, last_modified),
            (None, None) => request,
        }
    }
}

impl Host {
    pub(super) fn new(
        endpoint: Endpoint,
        config: RegistryConfig,
        http: reqwest::Client,
        transport: Arc<dyn Transport>,
        credentials: Arc<dyn Credentials>,
    ) -> Self {
        let is_public = endpoint.transport == Security::Tls;
        let concurrency = if is_public { config.concurrency } else { config.concurrency_local };
        Self {
            breaker: Breaker::default(),
            budget: Budget::new(if is_public { config.per_second } else { 0 }),
            transport,
            slots: Semaphore::new(concurrency.max(1)),
            is_plain: AtomicBool::new(endpoint.transport == Security::Plain),
            endpoint,
            config,
            http,
            credentials,
            tokens: Tokens::default(),
            rests_until: Mutex::new(None),
        }
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks, again where that may help, as often as the settings say.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Answer, RegistryError> {
        let mut retry = 0;
        loop {
            self.rest().await?;
            self.admit(question).await?;
            let answer = self.ask_once(question).await;
            let is_overload = answer.as_ref().is_err_and(RegistryError::is_overload);
            if self.breaker.note(!is_overload) {
                tracing::warn!(registry = self.endpoint.registry, "the registry fails; it is left alone for a while");
            }
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(delay) = self.delay(&error, retry) else { return Err(error) };
            tracing::debug!(
                registry = self.endpoint.registry,
                retry,
                delay_ms = delay.as_millis(),
                error = homeport_service::telemetry::chain(&error),
                "the registry is asked again"
            );
            tokio::time::sleep(delay).await;
            retry += 1;
        }
    }

    /// Waits for the pace, and refuses what the registry would.
    async fn admit(&self, question: &Question<'_>) -> Result<(), RegistryError> {
        let registry = || self.endpoint.registry.clone();
        self.breaker.admit().map_err(|retry_after| RegistryError::Resting { registry: registry(), retry_after })?;
        let pause = self
            .budget
            .take(question.cost, question.urgency)
            .map_err(|left| RegistryError::RateLimited { registry: registry(), retry_after: Some(left) })?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn ask_once(&self, question: &Question<'_>) -> Result<Answer, RegistryError> {
        // Never closed.
        let _slot = self.slots.acquire().await.ok();
        let token = self.tokens.get(question.repository);
        let anonymous = token.as_ref().is_none_or(|token| token.anonymous);
        let response = self.send(question, token.map(|token| token.header())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.answer(question, response, anonymous).await;
        }
        self.tokens.forget(question.repository);
        let challenge = Challenge::of_headers(response.headers());
        let Some(token) = self.authorize(question, challenge).await? else {
            return Err(self.unauthorized(question, true));
        };
        let response = self.send(question, Some(token.header())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            self.tokens.put(question.repository, token.clone());
        }
        self.answer(question, response, token.anonymous).await
    }

    /// Sends a request with TLS or without, whichever works.
    async fn send(
        &self,
        question: &Question<'_>,
        authorization: Option<reqwest::header::HeaderValue>,
    ) -> Result<Response, RegistryError> {
        let try_plain = self.endpoint.transport == Security::TlsThenPlain && !self.is_plain.load(Ordering::Relaxed);
        let request = |plain| self.request(question, plain, authorization.clone());
        let response = if try_plain {
            match self.carry(request(false)?).await {
                Err(error) if error.is_connect() => {
                    let response = self.carry(request(true)?).await.map_err(|error| self.unreachable(error))?;
                    self.is_plain.store(true, Ordering::Relaxed);
                    response
                }
                result => result.map_err(|error| self.unreachable(error))?,
            }
        } else {
            let plain = self.is_plain.load(Ordering::Relaxed);
            self.carry(request(plain)?).await.map_err(|error| self.unreachable(error))?
        };
        self.budget.learn(question.cost, response.headers());
        Ok(response)
    }

    async fn carry(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        self.transport.send(request.build()?).await
    }

    fn request(
        &self,
        question: &Question<'_>,
        plain: bool,
        authorization: Option<reqwest::header::HeaderValue>,
    ) -> Result<RequestBuilder, RegistryError> {
        let scheme = if plain { "http" } else { "https" };
        let url: Url = format!("{scheme}://{}{}", self.endpoint.authority, question.path)
            .parse()
            .map_err(|_| self.malformed(question, "its address is wrong".to_owned()))?;
        let request = self.http.request(question.method.clone(), url).header(ACCEPT, question.accept);
        let request = match question.known {
            Some(known) => known.ask(request),
            None => request,
        };
        Ok(match authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        })
    }

    /// Waits while the registry wants to be left alone, if that is not too long.
    async fn rest(&self) -> Result<(), RegistryError> {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = until.map(|until| until.saturating_duration_since(Instant::now())) else { return Ok(()) };
        if left > self.config.retry_after_limit() {
            return Err(RegistryError::RateLimited {
                registry: self.endpoint.registry.clone(),
                retry_after: Some(left),
            });
        }
        tokio::time::sleep(left).await;
        Ok(())
    }

    /// How long to wait before asking again. None: asking again does not help, or there was enough of it.
    fn delay(&self, error: &RegistryError, retry: u32) -> Option<std::time::Duration> {
        let delay = match error {
            RegistryError::RateLimited { retry_after: Some(after), .. } => {
                self.budget.exhausted(*after);
                self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now() + *after);
                if *after > self.config.retry_after_limit() {
                    return None;
                }
                *after
            }
            RegistryError::Unreachable { source, .. } if source.is_timeout() => return None,
            RegistryError::RateLimited { .. } | RegistryError::Failed { .. } | RegistryError::Unreachable { .. } => {
                self.config.retry_delay(retry).mul_f64(rand::random_range(0.75..1.25))
            }
            _ => return None,
        };
        (retry < self.config.retries).then_some(delay)
    }

    fn unreachable(&self, source: reqwest::Error) -> RegistryError {
        // The address would repeat what the message says already.
        let source = Arc::new(source.without_url());
        RegistryError::Unreachable { registry: self.endpoint.registry.clone(), source }
    }

    fn unauthorized(&self, question: &Question<'_>, anonymous: bool) -> RegistryError {
        let (registry, what) = (self.endpoint.registry.clone(), question.what.to_owned());
        RegistryError::Unauthorized { registry, what, anonymous }
    }

    pub(super) fn malformed(&self, question: &Question<'_>, problem: String) -> RegistryError {
        let (registry, what) = (self.endpoint.registry.clone(), question.what.to_owned());
        RegistryError::Malformed { registry, what, problem }
    }
}
