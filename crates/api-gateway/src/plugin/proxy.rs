//! `/plugins/<URI>/…` to the plugin and back, streaming in both directions.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use homeport_service::{
    telemetry::chain,
    trace::{TRACEPARENT, TraceContext},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use hyper::body::Incoming;

use super::{
    answered,
    client::SendError,
    headers, place,
    registry::Plugin,
    upgrade,
    watched::{self, Activity},
};
use crate::{
    app::App,
    config::ms,
    gate::Caller,
    middleware::{ClientAddress, CorrelationId, Scheme, correlation, secure_plugin},
    path::encode,
    problem::{Kind, Problem},
};

/// What is asked of a plugin.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) plugin: &'a Arc<Plugin>,
    /// The plugin's own path, decoded.
    pub(super) path: &'a str,
    /// None: it is for everybody.
    pub(super) caller: Option<Caller>,
}

/// Passes a request to a plugin, and its answer back.
pub(super) async fn serve(app: &Arc<App>, asked: Asked<'_>, request: Request) -> Response {
    let (started, plugin) = (Instant::now(), asked.plugin);
    let answer = forward(app, asked, request).await;
    plugin.counts.count(outcome(answer.as_ref().map(|answer| answer.status().as_u16())), started.elapsed());
    answer.unwrap_or_else(Problem::into_response)
}

/// The label by which the metrics tell answers apart, by their status or why there is none.
pub(super) fn outcome(answer: Result<u16, &Problem>) -> &'static str {
    match answer {
        Ok(status) => match status {
            0..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        },
        Err(problem) if problem.kind() == Kind::GatewayTimeout => "timeout",
        Err(problem) if problem.kind() == Kind::BadGateway => "unreachable",
        Err(_) => "refused",
    }
}

async fn forward(app: &Arc<App>, asked: Asked<'_>, mut request: Request) -> Result<Response, Problem> {
    let Asked { plugin, path, caller } = asked;
    let config = app.plugins.config();
    let limit = config.max_body_bytes;
    if request.body().size_hint().lower() > limit {
        return Err(too_large(limit));
    }
    let protocol = headers::upgrade(request.headers());
    let tunnel = protocol.is_some().then(|| upgrade::prepare(app, &mut request)).transpose()?;
    let (parts, body) = request.into_parts();
    let repeatable = is_repeatable(&parts, &body, protocol.is_some());
    let (body, activity) = if body.is_end_stream() {
        (Body::empty(), Activity::new())
    } else {
        watched::watch(body, usize::try_from(limit).unwrap_or(usize::MAX))
    };
    let outgoing = outgoing(plugin, path, parts, protocol, body)?;
    let again = repeatable.then(|| copy(&outgoing));
    let patience = ms(config.header_timeout_ms);
    let mut answer = within(patience, &activity, Box::pin(plugin.client.send(outgoing))).await;
    if let (Some(again), Some(Err(error))) = (again, &answer)
        && matches!(error, SendError::Exchange(_))
    {
        // A kept connection that the plugin closed at the same moment; a question may be asked twice.
        answer = within(patience, &activity, Box::pin(plugin.client.send(again))).await;
    }
    let answer = answer.ok_or_else(|| silent(plugin, patience))?.map_err(|error| failed(plugin, &error, limit))?;
    if has_two_lengths(answer.headers()) {
        tracing::warn!(plugin.name = plugin.entry.name, "where the answer of a plugin ends cannot be known");
        return Err(broken(plugin));
    }
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return tunnel.map_or_else(|| Err(broken(plugin)), |tunnel| Ok(tunnel.join(app, plugin, answer, caller)));
    }
    Ok(incoming(app, answer, plugin, path, caller))
}

/// The request as the plugin gets it.
fn outgoing(
    plugin: &Plugin,
    path: &str,
    parts: Parts,
    protocol: Option<HeaderValue>,
    body: Body,
) -> Result<Request, Problem> {
    let unreadable = || Problem::bad_request("the address cannot be passed on");
    let mut target = encode(path);
    if let Some(query) = parts.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let uri = Uri::try_from(target).map_err(|_| unreadable())?;
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    let mut sent = parts.headers;
    let client = parts.extensions.get::<ClientAddress>().map_or([0, 0, 0, 0].into(), |client| client.0.ip());
    let scheme = parts.extensions.get::<Scheme>().copied().unwrap_or(Scheme::Http);
    headers::towards_plugin(&mut sent, client, scheme, &plugin.prefix);
    sent.entry(header::HOST).or_insert(HeaderValue::from_static("localhost"));
    if let Some(protocol) = protocol {
        headers::set_upgrade(&mut sent, protocol);
    }
    if let Some(CorrelationId(id)) = parts.extensions.get::<CorrelationId>() {
        sent.insert(correlation::HEADER, id.clone());
    }
    if let Some(trace) = TraceContext::current().and_then(|trace| HeaderValue::try_from(trace.child().to_header()).ok())
    {
        sent.insert(HeaderName::from_static(TRACEPARENT), trace);
    }
    *request.headers_mut() = sent;
    Ok(request)
}

/// Whether an answer says where it ends in two ways. hyper follows one and leaves the other standing for the client.
fn has_two_lengths(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH)
}

/// The response as the client gets it.
fn incoming(
    app: &Arc<App>,
    answer: Response<Incoming>,
    plugin: &Arc<Plugin>,
    path: &str,
    caller: Option<Caller>,
) -> Response {
    let (head, body) = answer.into_parts();
    let (body, ending) = answered::body(body, Arc::clone(app), Arc::clone(plugin), caller);
    let mut response = Response::from_parts(head, body);
    response.extensions_mut().insert(ending);
    headers::strip_hop_by_hop(response.headers_mut());
    secure_plugin(&mut response, place::is_static(path));
    response
}

/// Whether a request may be sent a second time: it asks, changes nothing, and has no body.
fn is_repeatable(parts: &Parts, body: &Body, upgrades: bool) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD) && body.is_end_stream() && !upgrades
}

fn copy(request: &Request) -> Request {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Waits for an answer for as long as something of the request moved in the last `patience`.
async fn within<F: Future + Unpin>(patience: Duration, activity: &Activity, mut answer: F) -> Option<F::Output> {
    activity.touch();
    loop {
        let left = patience.saturating_sub(activity.idle());
        if left.is_zero() {
            return None;
        }
        tokio::select! {
            answer = &mut answer => return Some(answer),
            () = tokio::time::sleep(left) => {}
        }
    }
}

fn failed(plugin: &Plugin, error: &SendError, limit: u64) -> Problem {
    if is_length_limit(error) {
        return too_large(limit);
    }
    unanswered(plugin, TraceContext::current(), error)
}

/// Tells that a plugin did not answer, or not as it should.
pub(super) fn unanswered(plugin: &Plugin, trace: Option<TraceContext>, error: &(dyn Error + 'static)) -> Problem {
    let trace = trace.map(TraceContext::trace_id);
    tracing::warn!(plugin.name = plugin.entry.name, trace.id = trace, error = chain(error), "a plugin did not answer");
    broken(plugin)
}

fn is_length_limit(error: &SendError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn broken(plugin: &Plugin) -> Problem {
    let name = &plugin.entry.name;
    Problem::new(Kind::BadGateway, format!("plugin {name} does not answer; is it running?"))
}

/// The answer when a plugin took too long.
pub(super) fn silent(plugin: &Plugin, patience: Duration) -> Problem {
    let (name, seconds) = (&plugin.entry.name, patience.as_secs_f64());
    Problem::new(Kind::GatewayTimeout, format!("plugin {name} sent no answer within {seconds} s"))
}

fn too_large(limit: u64) -> Problem {
    Problem::new(Kind::TooLarge, format!("the body is larger than {limit} bytes"))
}
