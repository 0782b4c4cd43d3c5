//! The short way to a plugin: what asks for nothing unusual is read, decided upon, passed on and answered on the connection
//! itself, without hyper's machinery, which takes as long again as everything else together.
//!
//! It serves GET and HEAD below `/plugins/` and judges by the same gate, rules for headers, limits and records as
//! [`super::front`]. What it does not know for sure it leaves to hyper with the bytes that came, and so it does with whatever
//! ends in an answer of the gateway's own.

mod answer;
mod chunks;
mod content;
mod exchange;
mod request;

use std::{
    borrow::Cow,
    net::SocketAddr,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{body::Body, response::Response};
use homeport_proto::auth::v1::{FactorNeed, Verb, Way};
use homeport_service::{
    Secret,
    trace::{TRACEPARENT, TraceContext},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Span;

use super::{
    answered,
    front::{Settled, Told, Unserved},
    headers::{FORWARDED_FOR, FORWARDED_PREFIX, FORWARDED_PROTO, word},
    over::until_over,
    place::{is_static, uri_of_host},
    proxy,
    registry::{Plugin, Target},
};
use crate::{
    app::App,
    config::ms,
    gate::{Caller, Known, Wish},
    listener::{Buffer, Origin, Patience, Proxies},
    metrics::{PLUGIN_ROUTE, count_decision},
    middleware::{ClientAddress, CorrelationId, Scheme, audit, correlation},
    path::clean_as_sent,
    problem::Problem,
};
use answer::{Answer, Setting};
use exchange::{Ended, Exchange};
use request::{Asker, Plain};

/// A connection on which a request has begun.
#[derive(Debug)]
pub(crate) struct Talk<'a, S> {
    pub(crate) stream: &'a mut S,
    /// What was read and not yet served.
    pub(crate) input: &'a mut Buffer,
    pub(crate) patience: &'a mut Patience,
    pub(crate) peer: SocketAddr,
    /// The peer's address as text, without its port.
    pub(crate) peer_text: &'a str,
    pub(crate) https: bool,
    pub(crate) proxies: &'a Proxies,
    /// What a client that comes over HTTPS is told.
    pub(crate) transport_security: Option<&'a HeaderValue>,
    /// What lines in the log belong to.
    pub(crate) span: &'a Span,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It was answered, and the connection goes on.
    Served,
    /// The connection is over.
    Over,
    /// It is not for this way: its bytes are where they were, and nothing of an answer has been sent.
    Left(Option<Settled>),
}

/// A request that was read.
struct Asked {
    plugin: Arc<Plugin>,
    /// What the plugin is sent.
    outgoing: Buffer,
    is_head: bool,
    is_static: bool,
    asker: Asker,
    /// Bytes of its head, and where among them its path is.
    length: usize,
    path: Range<usize>,
    origin: Origin,
    id: CorrelationId,
    trace: TraceContext,
    /// None: auth has to be asked.
    known: Option<Known>,
}

/// Serves the request that the input begins with.
pub(crate) async fn serve<S>(app: &Arc<App>, talk: Talk<'_, S>) -> Turn
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let started = Instant::now();
    let Some(mut asked) = read(app, &talk, started) else { return Turn::Left(None) };
    let mut begun = started;
    if asked.known.is_none() {
        match Box::pin(asked.trace.scope(talk.span.clone(), asked.admit(app, talk.input))).await {
            Ok(caller) => (asked.known, begun) = (Some(caller.into()), Instant::now()),
            Err(problem) => return asked.left(Unserved::Refused(problem)),
        }
    }
    let setting = Setting {
        is_head: asked.is_head,
        is_static: asked.is_static,
        asker: asked.asker,
        id: &asked.id.0,
        is_last: app.context.drain().is_cancelled(),
        transport_security: talk.transport_security.filter(|_| asked.origin.https),
    };
    let is_last = setting.is_last;
    let mut exchange = Exchange::new(talk.stream, talk.input);
    let limit = ms(app.plugins.config().header_timeout_ms);
    let answer = talk.patience.within(limit, exchange.ask(&asked.plugin, &asked.outgoing, &setting, begun)).await;
    let (trace, plugin) = (asked.trace, Arc::clone(&asked.plugin));
    let problem = match answer {
        Some(Ok(answer)) => {
            let now = Instant::now();
            plugin.counts.count(proxy::outcome(Ok(answer.status)), now - begun);
            if StatusCode::from_u16(answer.status).is_ok_and(audit::is_refusal) {
                Box::pin(asked.record(app, exchange.input(), answer.status)).await;
            }
            asked.note(exchange.input(), &answer, now - started, talk.span);
            let ended = exchange.pass(&plugin, &answer, now, |input| asked.until_over(app, input)).await;
            talk.input.consume(asked.length);
            return match ended {
                Ok(()) if !is_last => Turn::Served,
                Ok(()) | Err(Ended::Left | Ended::Over) => Turn::Over,
                Err(Ended::Fault(fault)) => {
                    talk.span.in_scope(|| answered::broke_off(&plugin, &fault));
                    Turn::Over
                }
            };
        }
        Some(Err(Ended::Left | Ended::Over)) => return Turn::Over,
        Some(Err(Ended::Fault(fault))) => talk.span.in_scope(|| proxy::unanswered(&plugin, Some(trace), &fault)),
        None => proxy::silent(&plugin, limit),
    };
    plugin.counts.count(proxy::outcome(Err(&problem)), begun.elapsed());
    asked.left(Unserved::Failed(problem))
}

/// Reads a request, decides about it if the decision is remembered, and writes what its plugin gets.
fn read<S>(app: &App, talk: &Talk<'_, S>, started: Instant) -> Option<Asked> {
    let mut room = request::room();
    let plain = Plain::read(talk.input, &mut room)?;
    if uri_of_host(plain.host, &app.config.plugins.domain).is_some() {
        return None;
    }
    let path = clean_as_sent(plain.path)?;
    let Some(Target::Path(plugin, rest)) = app.plugins.find(&path) else { return None };
    let way = if talk.proxies.is_empty() { HeaderMap::new() } else { plain.way() };
    let origin = talk.proxies.origin(talk.peer, talk.https, &way);
    let known = app.gate.recall(plain.authorization, &wish(&plain, &path, origin), started);
    if known.is_some() {
        count_decision(true, started.elapsed());
    }
    let id = CorrelationId::of_value(plain.correlation);
    let trace = plain.trace.and_then(TraceContext::parse).unwrap_or_else(TraceContext::random);
    let mut outgoing = Buffer::default();
    let scheme = if origin.https { Scheme::Https } else { Scheme::Http };
    let client = if origin.address == talk.peer {
        Cow::Borrowed(talk.peer_text)
    } else {
        Cow::Owned(origin.address.ip().to_string())
    };
    plain.write(
        outgoing.room(),
        rest,
        &[
            (FORWARDED_FOR, client.as_bytes()),
            (FORWARDED_PROTO, word(scheme).as_bytes()),
            (FORWARDED_PREFIX, plugin.prefix.as_bytes()),
            (correlation::NAME, id.0.as_bytes()),
            (TRACEPARENT, trace.child().to_header().as_bytes()),
        ],
    );
    let (is_head, asker, is_static, length) = (plain.is_head, plain.asker, is_static(rest), plain.length);
    let begin = talk.input.iter().position(|byte| *byte == b'/')?;
    let path = begin..begin + plain.path.len();
    Some(Asked { plugin, outgoing, is_head, is_static, asker, length, path, origin, id, trace, known })
}

/// As [`crate::middleware::admit_to`] has it: whoever may read something may also ask for its headers alone.
fn wish<'a>(plain: &Plain<'_, 'a>, path: &'a str, origin: Origin) -> Wish<'a> {
    Wish {
        method: &Method::GET,
        path,
        client: ClientAddress(origin.address),
        verb: Verb::Unspecified,
        need: FactorNeed::Unspecified,
        second_factor: Secret::new(plain.second_factor.to_owned()),
        way: Way::Unspecified,
    }
}

/// Who sent a request that was read before.
fn caller(known: Known, input: &[u8], origin: Origin) -> Option<Caller> {
    let mut room = request::room();
    let plain = Plain::read(input, &mut room)?;
    let path = clean_as_sent(plain.path)?;
    Some(known.caller(Secret::new(plain.authorization.to_owned()), wish(&plain, &path, origin)))
}

impl Asked {
    fn left(self, why: Unserved) -> Turn {
        Turn::Left(Some(Settled { id: self.id, why }))
    }

    /// Asks auth, unless its answer is remembered by now.
    async fn admit(&self, app: &App, input: &[u8]) -> Result<Caller, Problem> {
        let mut room = request::room();
        let unreadable = || Problem::bad_request("the request cannot be read a second time");
        let plain = Plain::read(input, &mut room).ok_or_else(unreadable)?;
        let path = clean_as_sent(plain.path).ok_or_else(unreadable)?;
        let authorization = Secret::new(plain.authorization.to_owned());
        app.gate.admit(&app.upstream, authorization, wish(&plain, &path, self.origin)).await
    }

    /// Waits until the answer may go on no longer.
    fn until_over(&mut self, app: &Arc<App>, input: &[u8]) -> impl Future<Output = ()> + Send + use<> {
        let caller = self.known.take().and_then(|known| caller(known, input, self.origin));
        let (app, plugin) = (Arc::clone(app), Arc::clone(&self.plugin));
        async move {
            // Nobody known may have no more of it.
            if let Some(caller) = caller {
                until_over(app, plugin, Some(caller)).await;
            }
        }
    }

    fn method(&self) -> Method {
        if self.is_head { Method::HEAD } else { Method::GET }
    }

    fn path<'a>(&self, input: &'a [u8]) -> &'a str {
        input.get(self.path.clone()).and_then(|path| std::str::from_utf8(path).ok()).unwrap_or_default()
    }

    fn note(&self, input: &[u8], answer: &Answer, elapsed: Duration, span: &Span) {
        let told = Told {
            method: &self.method(),
            path: self.path(input),
            client: Some(ClientAddress(self.origin.address)),
            caller: self.known.as_ref().map_or("", |known| &known.principal.name),
            status: answer.status,
        };
        told.note(&self.id, self.trace, elapsed, span);
    }

    /// Records that a plugin refused something, as every refusal is.
    async fn record(&self, app: &App, input: &[u8], status: u16) {
        let mut room = request::room();
        let agent = Plain::read(input, &mut room).and_then(|plain| plain.header(&header::USER_AGENT));
        let question = audit::Question {
            method: self.method(),
            template: Some(PLUGIN_ROUTE.to_owned()),
            uri: Uri::try_from(self.path(input)).unwrap_or_default(),
            client: Some(ClientAddress(self.origin.address)),
            id: Some(self.id.clone()),
            agent: agent.and_then(|agent| HeaderValue::from_bytes(agent).ok()),
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        if let Ok(caller) = self.admit(app, input).await {
            response.extensions_mut().insert(caller);
        }
        if let Some(entry) = question.answered(false, &response) {
            app.audit.record(entry).await;
        }
    }
}
