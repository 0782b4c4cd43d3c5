//! Who may pass: every credential is put before auth, and a good answer is believed for as long as auth says nothing else.
//!
//! Auth tells at once what ended ([`Gate::follow`]), and is never silent for long. While it is, nothing is believed: every
//! request asks.

mod heard;
mod loopback;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_proto::auth::v1::{AuthorizeRequest, FactorNeed, Principal, Role, Verb, WatchRevocationsResponse, Way};
use homeport_service::Secret;
use http::{HeaderMap, Method, header};
use sha2::{Digest as _, Sha256};

use heard::Heard;
pub(crate) use heard::Revocations;
pub(crate) use loopback::Loopback;

use crate::{
    metrics::count_decision,
    middleware::ClientAddress,
    problem::{Kind, Problem},
    upstream::{Upstream, of_auth},
};

/// Answers that are remembered at most; then all are forgotten, which costs a call each.
const CACHE_ENTRIES: usize = 16_384;

/// Someone whose credential was found good for this request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    /// When the credential ends by itself.
    expires_at: Option<SystemTime>,
    question: Arc<Question>,
    /// What had ended by the time this was decided.
    epoch: u64,
}

/// What auth is asked.
#[derive(Debug, Clone)]
struct Question {
    authorization: Secret<String>,
    method: Method,
    path: String,
    client: ClientAddress,
    verb: Verb,
    need: FactorNeed,
    /// Proof of the second factor. Empty: none.
    second_factor: Secret<String>,
    way: Way,
}

/// What somebody wants to do, and from where.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) client: ClientAddress,
    pub(crate) verb: Verb,
    pub(crate) need: FactorNeed,
    /// Proof of the second factor. Empty: none.
    pub(crate) second_factor: Secret<String>,
    pub(crate) way: Way,
}

impl Wish<'_> {
    /// What it is remembered by. A hash, so that the memory holds no credentials.
    fn key(&self, authorization: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [authorization, self.method.as_str(), self.path, self.second_factor.expose()] {
            // A request's head is far shorter than four gigabytes.
            hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            hash.update(part);
        }
        // An address of the old kind and its form as one of the new kind are the same. A client has another port with every
        // connection.
        let client = match self.client.0.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        hash.update(client.octets());
        hash.update([self.verb as u8, self.need as u8, self.way as u8]);
        hash.finalize().into()
    }
}

/// A good answer.
#[derive(Debug, Clone)]
struct Answer {
    principal: Arc<Principal>,
    expires_at: Option<SystemTime>,
    given: Instant,
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

    /// The password that came with this very request, if one did.
    pub(crate) fn password(&self) -> Option<Secret<String>> {
        let (scheme, value) = self.question.authorization.expose().split_once(' ')?;
        let text = BASE64_STANDARD.decode(value).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let text = String::from_utf8(text).ok()?;
        text.split_once(':').map(|(_, password)| Secret::new(password.to_owned()))
    }

    /// The account that the credential acts for. `None`: nobody's.
    pub(crate) fn user_id(&self) -> Option<&str> {
        Some(self.principal.user_id.as_str()).filter(|id| !id.is_empty())
    }

    /// How long the credential is good by itself. `None`: for ever.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.expires_at?.duration_since(now()).unwrap_or_default())
    }

    /// The address that the call came from.
    pub(crate) fn client(&self) -> ClientAddress {
        self.question.client
    }

    /// Refuses anything but a password that came with this very request: what is as much as being root must not be done
    /// with something that somebody may have found.
    pub(crate) fn require_password(&self) -> Result<(), Problem> {
        self.require_unscoped()?;
        if self.password().is_some() {
            return Ok(());
        }
        let message = "this needs the password again: send the request with Basic credentials";
        Err(Problem::new(Kind::Unauthorized, message))
    }

    /// Refuses who is no administrator, and a credential that is limited to some paths. What it may do is for another
    /// credential to decide.
    pub(crate) fn require_unscoped(&self) -> Result<(), Problem> {
        if self.principal.role() != Role::Admin {
            return Err(Problem::new(Kind::Forbidden, "this is for administrators alone"));
        }
        if self.principal.scopes.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Kind::OutOfScope, "this token is limited to some paths; use one without scopes, or sign in"))
    }
}

/// The memory of good answers. Refusals are never remembered.
#[derive(Debug)]
pub(crate) struct Gate {
    lifetime: Duration,
    good: Mutex<HashMap<[u8; 32], Answer>>,
    /// Grows with everything that ended, so that an answer that was under way meanwhile is not remembered.
    epoch: AtomicU64,
    heard: Heard,
}

impl Gate {
    /// Remembers a good answer for `lifetime` at most; zero turns the memory off.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, good: Mutex::default(), epoch: AtomicU64::default(), heard: Heard::default() }
    }

    /// Decides about a request. The credential is written as the `Authorization` header has it, however it came.
    pub(crate) async fn admit(
        &self,
        upstream: &Upstream,
        authorization: Secret<String>,
        wish: Wish<'_>,
    ) -> Result<Caller, Problem> {
        let start = Instant::now();
        let key = wish.key(authorization.expose());
        let Wish { method, path, client, verb, need, second_factor, way } = wish;
        let (method, path) = (method.clone(), path.to_owned());
        let question = Question { authorization, method, path, client, verb, need, second_factor, way };
        let epoch = self.epoch.load(Ordering::Acquire);
        // Auth tells the bus of every websocket, so it is asked about every one.
        let remembered = if way == Way::Websocket { None } else { self.remembered(&key, start) };
        let was_remembered = remembered.is_some();
        let answer = if let Some(answer) = remembered {
            answer
        } else {
            let answer = question.put(upstream, way).await?;
            self.remember(key, answer.clone(), epoch);
            answer
        };
        count_decision(was_remembered, start.elapsed());
        let Answer { principal, expires_at, .. } = answer;
        Ok(Caller { principal, expires_at, question: Arc::new(question), epoch })
    }

    /// Whom a remembered good answer is about. None: auth has to be asked.
    pub(crate) fn recall(&self, authorization: &str, wish: &Wish<'_>, now: Instant) -> Option<Arc<Principal>> {
        self.remembered(&wish.key(authorization), now).map(|answer| answer.principal)
    }

    /// Asks again about a caller whose request is still going on.
    pub(crate) async fn ask(&self, upstream: &Upstream, caller: &Caller) -> Result<(), Problem> {
        let way = match caller.question.way {
            Way::Websocket => Way::OpenWebsocket,
            way => way,
        };
        caller.question.put(upstream, way).await.map(drop)
    }

    /// Asks whether the caller has shown the second factor, for what turned out to need it.
    pub(crate) async fn require_factor(&self, upstream: &Upstream, caller: &Caller) -> Result<(), Problem> {
        let question = Question { need: FactorNeed::Required, ..(*caller.question).clone() };
        question.put(upstream, question.way).await.map(drop)
    }

    /// Forgets what auth says is good no longer, and tells those whose requests are still going on.
    pub(crate) fn revoke(&self, revoked: WatchRevocationsResponse) {
        if revoked.everything || !revoked.credential_ids.is_empty() || !revoked.user_ids.is_empty() {
            self.epoch.fetch_add(1, Ordering::AcqRel);
            self.lock().retain(|_, answer| !heard::concerns(&revoked, &answer.principal));
            self.heard.tell(revoked);
        }
        // Last: what was said until now has been taken in.
        self.heard.now();
    }

    /// Forgets every answer at once, after credentials were changed through this gateway: auth's own word may come a moment
    /// after its answer.
    pub(crate) fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.lock().clear();
    }

    /// Believes nothing any more: auth cannot be heard.
    pub(crate) fn deaf(&self) {
        self.heard.lost();
    }

    /// Whether something ended since a caller was let in, be it whose it may.
    pub(crate) fn has_changed_since(&self, caller: &Caller) -> bool {
        self.epoch.load(Ordering::Acquire) != caller.epoch
    }

    /// What is revoked from now on.
    pub(crate) fn revocations(&self) -> Revocations {
        self.heard.follow()
    }

    fn remembered(&self, key: &[u8; 32], time: Instant) -> Option<Answer> {
        if !self.heard.is_near(time) {
            return None;
        }
        let good = self.lock();
        let answer = good.get(key)?;
        let in_time = answer.expires_at.is_none_or(|at| at > now());
        (in_time && time.saturating_duration_since(answer.given) < self.lifetime).then(|| answer.clone())
    }

    fn remember(&self, key: [u8; 32], answer: Answer, epoch: u64) {
        if self.lifetime.is_zero() || !self.heard.is_near(Instant::now()) {
            return;
        }
        let mut good = self.lock();
        // Under the lock, which whoever forgets takes after the epoch has grown.
        if self.epoch.load(Ordering::Acquire) != epoch {
            return;
        }
        if good.len() >= CACHE_ENTRIES {
            good.clear();
        }
        good.insert(key, answer);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Answer>> {
        // A panic elsewhere cannot leave the map half changed.
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    async fn put(&self, upstream: &Upstream, way: Way) -> Result<Answer, Problem> {
        let request = AuthorizeRequest {
            authorization: self.authorization.expose().clone(),
            method: self.method.as_str().to_owned(),
            path: self.path.clone(),
            client_address: self.client.to_string(),
            verb: self.verb.into(),
            second_factor: self.second_factor.expose().clone(),
            factor_need: self.need.into(),
            way: way.into(),
        };
        let mut auth = upstream.auth();
        // Boxed: it is seldom needed, and every request would have to keep the room for it.
        let answer = of_auth(Box::pin(auth.authorize(request)).await)?;
        let principal = answer.principal;
        let principal = principal
            .ok_or_else(|| Problem::new(Kind::Internal, "auth named no principal; its log has the details"))?;
        let expires_at = answer.expires_at.map(|at| {
            let seconds = u64::try_from(at.seconds).unwrap_or_default();
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
        });
        Ok(Answer { principal: Arc::new(principal), expires_at, given: Instant::now() })
    }
}

/// The one `Authorization` header of a request. Two are as good as none: they could be read differently further on.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The proof of a second factor that came with a request. Empty: none.
pub(crate) fn second_factor(headers: &HeaderMap) -> Secret<String> {
    Secret::new(headers.get("x-jwt-otp").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned())
}

/// Whether a request carries a credential at all, good or bad.
pub(crate) fn has_credential(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

#[expect(clippy::disallowed_methods, reason = "compared with the expiry of a credential, and with nothing of a test's")]
fn now() -> SystemTime {
    SystemTime::now()
}
