//! Who may pass: every credential is put before auth, and a good answer is believed for as long as auth says nothing else.
//!
//! Auth tells at once what ended ([`Gate::follow`]), and is never silent for long. While it is, nothing is believed: every
//! request asks.

mod heard;
mod loopback;
mod pages;

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
use pages::Pages;

use crate::{
    metrics::count_decision,
    middleware::ClientAddress,
    plugin::session,
    problem::{Kind, Problem},
    upstream::{Upstream, of_auth},
};

/// Answers that are remembered at most; then all are forgotten, which costs a call each.
const CACHE_ENTRIES: usize = 16_384;

/// Someone whose credential was found good for this request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    /// Who opened the page whose token this is.
    maker: Option<Arc<Principal>>,
    /// When the credential ends by itself.
    expires_at: Option<SystemTime>,
    question: Arc<Question>,
    /// What had ended by the time this was decided.
    epoch: u64,
}

/// A good answer without what was asked, which is still in the request itself.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) principal: Arc<Principal>,
    maker: Option<Arc<Principal>>,
    expires_at: Option<SystemTime>,
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
    /// Who opened the page whose token this is about. None: it is no page's.
    maker: Option<Arc<Principal>>,
    expires_at: Option<SystemTime>,
    given: Instant,
}

impl Answer {
    /// Whether what ended may be what it rests on.
    fn is_concerned(&self, revoked: &WatchRevocationsResponse) -> bool {
        heard::concerns(revoked, &self.principal)
            || self.maker.as_ref().is_some_and(|maker| heard::concerns(revoked, maker))
    }

    fn known(self, epoch: u64) -> Known {
        let Self { principal, maker, expires_at, .. } = self;
        Known { principal, maker, expires_at, epoch }
    }
}

impl Known {
    /// The caller that this is known of, who showed this credential and had this wish.
    pub(crate) fn caller(self, authorization: Secret<String>, wish: Wish<'_>) -> Caller {
        self.of(Question::new(authorization, wish))
    }

    fn of(self, question: Question) -> Caller {
        let Self { principal, maker, expires_at, epoch } = self;
        Caller { principal, maker, expires_at, question: Arc::new(question), epoch }
    }
}

impl From<Caller> for Known {
    fn from(caller: Caller) -> Self {
        let Caller { principal, maker, expires_at, epoch, .. } = caller;
        Self { principal, maker, expires_at, epoch }
    }
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
    /// Who opened the pages of plugins.
    pages: Pages,
}

impl Gate {
    /// Remembers a good answer for `lifetime` at most; zero turns the memory off.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            good: Mutex::default(),
            epoch: AtomicU64::default(),
            heard: Heard::default(),
            pages: Pages::default(),
        }
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
        let (way, question) = (wish.way, Question::new(authorization, wish));
        let epoch = self.epoch.load(Ordering::Acquire);
        // Auth tells the bus of every websocket, so it is asked about every one.
        let remembered = if way == Way::Websocket { None } else { self.remembered(&key, start) };
        let was_remembered = remembered.is_some();
        let answer = if let Some(answer) = remembered {
            answer
        } else {
            let answer = self.decide(upstream, &question, way).await?;
            self.remember(key, answer.clone(), epoch);
            answer
        };
        count_decision(was_remembered, start.elapsed());
        Ok(answer.known(epoch).of(question))
    }

    /// A remembered good answer. None: auth has to be asked.
    pub(crate) fn recall(&self, authorization: &str, wish: &Wish<'_>, now: Instant) -> Option<Known> {
        // Before the look: what ends after it must not seem to be known of.
        let epoch = self.epoch.load(Ordering::Acquire);
        self.remembered(&wish.key(authorization), now).map(|answer| answer.known(epoch))
    }

    /// Asks again about a caller whose request is still going on.
    pub(crate) async fn ask(&self, upstream: &Upstream, caller: &Caller) -> Result<(), Problem> {
        let way = match caller.question.way {
            Way::Websocket => Way::OpenWebsocket,
            way => way,
        };
        self.decide(upstream, &caller.question, way).await.map(drop)
    }

    /// Asks whether the caller has shown the second factor, for what turned out to need it.
    pub(crate) async fn require_factor(&self, upstream: &Upstream, caller: &Caller) -> Result<(), Problem> {
        let question = Question { need: FactorNeed::Required, ..(*caller.question).clone() };
        question.put(upstream, question.way).await.map(drop)
    }

    /// Takes note of who opened a page: its token, which has this id and ends by itself at `expires_at`, is good for as long
    /// as the credential of its maker is. A gateway that started since knows no maker, and the page has to ask for another
    /// token.
    pub(crate) fn opened_page(&self, token_id: String, maker: &Caller, expires_at: Option<SystemTime>) {
        self.pages.insert(token_id, (*maker.question).clone(), expires_at, now());
    }

    /// Forgets who opened a page that was closed.
    pub(crate) fn closed_page(&self, token_id: &str) {
        self.pages.remove(token_id);
    }

    /// Asks auth, and about the token of a page whether whoever opened the page may still be here.
    async fn decide(&self, upstream: &Upstream, question: &Question, way: Way) -> Result<Answer, Problem> {
        let answer = question.put(upstream, way).await?;
        if !session::is_of_page(question.authorization.expose()) {
            return Ok(answer);
        }
        let maker = Box::pin(self.maker(upstream, &answer.principal.credential_id)).await?;
        let expires_at = answer.expires_at.into_iter().chain(maker.expires_at).min();
        Ok(Answer { maker: Some(maker.principal), expires_at, ..answer })
    }

    /// A good answer about whoever opened a page. Refused once, the page is forgotten: auth would count the same old
    /// password as a guess each time.
    async fn maker(&self, upstream: &Upstream, token_id: &str) -> Result<Answer, Problem> {
        let over = || Problem::new(Kind::Unauthorized, "whoever opened this page is not signed in any more");
        let question = self.pages.get(token_id).ok_or_else(over)?;
        let (key, epoch) = (question.key(), self.epoch.load(Ordering::Acquire));
        if let Some(answer) = self.remembered(&key, Instant::now()) {
            return Ok(answer);
        }
        match question.put(upstream, Way::Unspecified).await {
            Ok(answer) => {
                self.remember(key, answer.clone(), epoch);
                Ok(answer)
            }
            Err(problem) if is_over(&problem) => {
                self.pages.remove(token_id);
                Err(over())
            }
            Err(problem) => Err(problem),
        }
    }

    /// Forgets what auth says is good no longer, and tells those whose requests are still going on.
    pub(crate) fn revoke(&self, revoked: WatchRevocationsResponse) {
        if revoked.everything || !revoked.credential_ids.is_empty() || !revoked.user_ids.is_empty() {
            self.epoch.fetch_add(1, Ordering::AcqRel);
            self.lock().retain(|_, answer| !answer.is_concerned(&revoked));
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
    fn new(authorization: Secret<String>, wish: Wish<'_>) -> Self {
        let Wish { method, path, client, verb, need, second_factor, way } = wish;
        Self { authorization, method: method.clone(), path: path.to_owned(), client, verb, need, second_factor, way }
    }

    fn key(&self) -> [u8; 32] {
        let Self { authorization, method, path, client, verb, need, second_factor, way } = self.clone();
        let wish = Wish { method: &method, path: &path, client, verb, need, second_factor, way };
        wish.key(authorization.expose())
    }

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
        Ok(Answer { principal: Arc::new(principal), maker: None, expires_at, given: Instant::now() })
    }
}

/// Whether a refusal says that somebody may not be here any more, and not that auth cannot be asked.
pub(crate) fn is_over(problem: &Problem) -> bool {
    matches!(problem.kind(), Kind::Unauthorized | Kind::SecondFactor | Kind::Forbidden | Kind::OutOfScope)
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
