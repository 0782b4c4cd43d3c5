//! Who may pass: every credential is put before auth, and a good answer is remembered for a moment.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use homeport_proto::auth::v1::{AuthorizeRequest, Principal};
use homeport_service::Secret;
use http::{HeaderMap, Method, header};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::{
    problem::{Kind, Problem},
    upstream::{Upstream, of_auth},
};

/// Answers that are remembered at most; then all are forgotten, which costs a call each.
const CACHE_ENTRIES: usize = 4096;

/// Someone whose credential was found good for this request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    question: Question,
}

/// What auth is asked.
#[derive(Debug, Clone)]
struct Question {
    authorization: Secret<String>,
    method: Method,
    path: String,
    client: IpAddr,
}

impl Caller {
    /// The name for histories and logs.
    pub(crate) fn name(&self) -> &str {
        &self.principal.name
    }

    /// The token of a `Bearer` credential.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.question.authorization.expose().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The address that the call came from.
    pub(crate) const fn client(&self) -> IpAddr {
        self.question.client
    }

    /// Refuses a credential that is limited to some paths. What it may do is for another credential to decide.
    pub(crate) fn require_unscoped(&self) -> Result<(), Problem> {
        if self.principal.scopes.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden, "this token is limited to some paths; use one without scopes, or sign in"))
    }
}

/// The memory of good answers. Refusals are never remembered.
#[derive(Debug)]
pub(crate) struct Gate {
    lifetime: Duration,
    good: Mutex<HashMap<[u8; 32], (Instant, Principal)>>,
    forgotten: Notify,
}

impl Gate {
    /// Remembers a good answer for `lifetime`; zero turns the memory off.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, good: Mutex::default(), forgotten: Notify::new() }
    }

    /// Decides about a request by its `Authorization` header.
    pub(crate) async fn admit(
        &self,
        upstream: &Upstream,
        headers: &HeaderMap,
        method: &Method,
        path: &str,
        client: IpAddr,
    ) -> Result<Caller, Problem> {
        let authorization = authorization(headers).ok_or_else(unauthorized)?;
        self.admit_with(upstream, Secret::new(authorization.to_owned()), method, path, client).await
    }

    /// Decides about a request whose credential came some other way, written as the header would have it.
    pub(crate) async fn admit_with(
        &self,
        upstream: &Upstream,
        authorization: Secret<String>,
        method: &Method,
        path: &str,
        client: IpAddr,
    ) -> Result<Caller, Problem> {
        let question = Question { authorization, method: method.clone(), path: path.to_owned(), client };
        let key = question.key();
        if let Some(principal) = self.remembered(&key) {
            return Ok(Caller { principal, question });
        }
        let principal = question.put(upstream).await?;
        self.remember(key, principal.clone());
        Ok(Caller { principal, question })
    }

    /// Asks again about a caller whose request is still going on.
    pub(crate) async fn ask(&self, upstream: &Upstream, caller: &Caller) -> Result<(), Problem> {
        caller.question.put(upstream).await.map(drop)
    }

    /// Forgets every answer, after credentials were changed through this gateway.
    pub(crate) fn forget(&self) {
        self.lock().clear();
        self.forgotten.notify_waiters();
    }

    /// Waits until credentials are changed through this gateway.
    pub(crate) async fn changed(&self) {
        self.forgotten.notified().await;
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<Principal> {
        let good = self.lock();
        let (at, principal) = good.get(key)?;
        (at.elapsed() < self.lifetime).then(|| principal.clone())
    }

    fn remember(&self, key: [u8; 32], principal: Principal) {
        if self.lifetime.is_zero() {
            return;
        }
        let mut good = self.lock();
        if good.len() >= CACHE_ENTRIES {
            good.clear();
        }
        good.insert(key, (Instant::now(), principal));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (Instant, Principal)>> {
        // A panic elsewhere cannot leave the map half changed.
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// Its identity. A hash, so that the memory holds no credentials.
    fn key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.authorization.expose(), self.method.as_str(), &self.path] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        // An address of the old kind and its form as one of the new kind are the same.
        let client = match self.client {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        hash.update(client.octets());
        hash.finalize().into()
    }

    async fn put(&self, upstream: &Upstream) -> Result<Principal, Problem> {
        let request = AuthorizeRequest {
            authorization: self.authorization.expose().clone(),
            method: self.method.as_str().to_owned(),
            path: self.path.clone(),
            client_address: self.client.to_string(),
        };
        let answer = of_auth(upstream.auth().authorize(request).await)?;
        answer.principal.ok_or_else(|| Problem::new(Kind::Internal, "auth named no principal; its log has the details"))
    }
}

/// The one `Authorization` header of a request. Two are as good as none: they could be read differently further on.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a request carries a credential at all, good or bad.
pub(crate) fn has_credential(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

fn unauthorized() -> Problem {
    Problem::new(Kind::Unauthorized, "Unauthorized")
}
