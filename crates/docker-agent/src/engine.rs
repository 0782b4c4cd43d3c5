//! The connection to the container engine.
//!
//! Nothing is connected until it is used, and each request connects anew, so an engine that comes late or restarts is no
//! special case. Most requests go through bollard; documents that must survive untouched go through [`raw`].

mod raw;

use std::{
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error as BollardError};
use hyper::{Method, header::HeaderValue};
use serde_json::Value;

pub(crate) use raw::Streaming;

use crate::{document::Document as _, error::EngineError};

/// Bollard's own limit must never be the one that strikes: every request is limited where it is made.
const BOLLARD_TIMEOUT_SECONDS: u64 = 24 * 3600;

/// The engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    socket: Arc<PathBuf>,
    answer_timeout: Duration,
    version: Arc<Mutex<Option<Version>>>,
}

/// What the engine says about itself.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// Its own version, such as 26.1.5.
    pub(crate) engine: String,
    /// The newest API version that both sides speak, such as 1.45.
    pub(crate) api: ApiVersion,
    pub(crate) os: String,
    pub(crate) architecture: String,
}

/// A version of the engine's API, ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion(pub(crate) u32, pub(crate) u32);

impl ApiVersion {
    /// From here on, a container can be created with several networks, and each has its own MAC address.
    pub(crate) const SEVERAL_NETWORKS: Self = Self(1, 44);
    /// The oldest that is supported: Engine 20.10.
    pub(crate) const OLDEST: Self = Self(1, 41);

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Engine {
    pub(crate) fn new(socket: PathBuf, answer_timeout: Duration) -> Self {
        Self { socket: Arc::new(socket), answer_timeout, version: Arc::default() }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// How long an answer that needs no waiting may take.
    pub(crate) const fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// Bollard on the engine's socket.
    pub(crate) fn docker(&self) -> Result<Docker, EngineError> {
        Docker::connect_with_unix(&self.socket.to_string_lossy(), BOLLARD_TIMEOUT_SECONDS, API_DEFAULT_VERSION)
            .map(|docker| docker.with_request_modifier(url_safe_credentials))
            .map_err(|error| self.error("connecting", error))
    }

    /// An error of bollard, with what was being done.
    pub(crate) fn error(&self, doing: &str, error: BollardError) -> EngineError {
        EngineError::of_bollard(&self.socket, doing, error)
    }

    /// Asks through bollard for something that the engine answers at once.
    pub(crate) async fn ask<T, F>(&self, doing: &str, request: impl FnOnce(Docker) -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, BollardError>>,
    {
        self.ask_within(self.answer_timeout, doing, request).await
    }

    /// Asks through bollard for something that may take as long as `limit`.
    pub(crate) async fn ask_within<T, F>(
        &self,
        limit: Duration,
        doing: &str,
        request: impl FnOnce(Docker) -> F,
    ) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, BollardError>>,
    {
        match tokio::time::timeout(limit, request(self.docker()?)).await {
            Ok(result) => result.map_err(|error| self.error(doing, error)),
            Err(_) => Err(EngineError::TimedOut { doing: doing.to_owned(), seconds: limit.as_secs() }),
        }
    }

    /// A document of the engine as it is, with fields that no type of ours knows.
    pub(crate) async fn get(&self, doing: &str, path: &str) -> Result<Value, EngineError> {
        self.exchange(doing, Method::GET, path, None).await
    }

    /// Sends a document as it is.
    pub(crate) async fn post(&self, doing: &str, path: &str, body: &Value) -> Result<Value, EngineError> {
        self.exchange(doing, Method::POST, path, Some(body)).await
    }

    /// Removes something. The path must be encoded already.
    pub(crate) async fn delete(&self, doing: &str, path: &str) -> Result<Value, EngineError> {
        self.exchange(doing, Method::DELETE, path, None).await
    }

    /// As [`Engine::get`], for what the engine has to work for.
    pub(crate) async fn get_within(&self, limit: Duration, doing: &str, path: &str) -> Result<Value, EngineError> {
        let exchange = raw::exchange(&self.socket, doing, Method::GET, path, None);
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(EngineError::TimedOut { doing: doing.to_owned(), seconds: limit.as_secs() }))
    }

    /// An answer that is read as it comes; its beginning must be here within `limit`.
    pub(crate) async fn stream(&self, limit: Duration, doing: &str, path: &str) -> Result<Streaming, EngineError> {
        tokio::time::timeout(limit, raw::stream(&self.socket, doing, path))
            .await
            .unwrap_or_else(|_| Err(EngineError::TimedOut { doing: doing.to_owned(), seconds: limit.as_secs() }))
    }

    async fn exchange(
        &self,
        doing: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, EngineError> {
        let exchange = raw::exchange(&self.socket, doing, method, path, body);
        let limit = self.answer_timeout;
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(EngineError::TimedOut { doing: doing.to_owned(), seconds: limit.as_secs() }))
    }

    /// What the engine says about itself; asked once, and again after [`Engine::forget_version`].
    pub(crate) async fn version(&self) -> Result<Version, EngineError> {
        if let Some(version) = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(version);
        }
        let answer = self.get("asking for the engine's version", "/version").await?;
        let newest = ApiVersion(
            u32::try_from(API_DEFAULT_VERSION.major_version).unwrap_or(1),
            u32::try_from(API_DEFAULT_VERSION.minor_version).unwrap_or(u32::MAX),
        );
        let api = ApiVersion::parse(answer.text("ApiVersion")).unwrap_or(ApiVersion::OLDEST).min(newest);
        if api < ApiVersion::OLDEST {
            return Err(EngineError::Precondition(format!(
                "the container engine speaks API {api}, but {} is the oldest that is supported; upgrade it to Docker 20.10 or newer",
                ApiVersion::OLDEST
            )));
        }
        let version = Version {
            engine: answer.text("Version").to_owned(),
            api,
            os: answer.text("Os").to_owned(),
            architecture: answer.text("Arch").to_owned(),
        };
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version.clone());
        Ok(version)
    }

    /// The engine was away; it may have come back as another version.
    pub(crate) fn forget_version(&self) {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The engine reads `X-Registry-Auth` as URL-safe base64, bollard writes the standard alphabet: a password whose encoding
/// holds `+` or `/` would silently become no password.
fn url_safe_credentials(mut request: BollardRequest) -> BollardRequest {
    if let Some(header) = request.headers_mut().get_mut("x-registry-auth") {
        let safe = header.to_str().map(|text| text.replace('+', "-").replace('/', "_"));
        if let Ok(Ok(value)) = safe.map(|text| HeaderValue::from_str(&text)) {
            *header = value;
            header.set_sensitive(true);
        }
    }
    request
}
