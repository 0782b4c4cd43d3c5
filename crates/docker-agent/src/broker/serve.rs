//! One plugin's socket: connections in, judged calls out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use homeport_bus_client::Publisher;
use homeport_service::{Context, status::Coded as _, telemetry::chain};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Mutex, Semaphore},
};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{self, Body},
    container, forward,
    manifest::Grant,
    ownership::{Owner, Reason, patience},
    report::Report,
    request::{self, Call, Kind, Work},
    resource,
    rules::Refusal,
};
use crate::engine::Engine;

/// Connections of one plugin; a log that is followed holds one. The next waits.
const CONNECTIONS: usize = 64;
/// The head of a request must be here by then.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// The document of a container has some kilobytes.
const DOCUMENT_BYTES: usize = 1 << 20;
/// A document must be here by then.
const DOCUMENT_LIMIT: Duration = Duration::from_secs(10);
/// Lists that are looked through.
const LIST_BYTES: usize = 64 << 20;

/// Headers that mean something to the engine, and nothing that the rules have to know.
const PASSED: [header::HeaderName; 4] =
    [header::USER_AGENT, header::ACCEPT, header::CONTENT_TYPE, header::ACCEPT_ENCODING];
/// Credentials for a registry, which are the plugin's own.
const REGISTRY_AUTH: &str = "x-registry-auth";

/// Serves one plugin.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

struct Inner {
    owner: Owner,
    report: Report,
    /// The user that the plugin runs as.
    user: u32,
    connections: Arc<Semaphore>,
    /// Held while an object is made.
    making: Mutex<()>,
}

/// What became of a request.
enum Outcome {
    Answered(Response<Body>),
    Refused(Refusal),
    Failed(StatusCode, String),
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Refused(refusal) => Self::Refused(refusal),
            Reason::Engine(error) => match error.code() {
                tonic::Code::NotFound => Self::Failed(StatusCode::NOT_FOUND, error.to_string()),
                tonic::Code::Unavailable => {
                    Self::Failed(StatusCode::SERVICE_UNAVAILABLE, "the engine is away".to_owned())
                }
                _ => Self::Failed(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            },
        }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Server {
    pub(super) fn new(engine: Engine, grant: Grant, publisher: Publisher, user: u32) -> Self {
        Self(Arc::new(Inner {
            owner: Owner { engine, grant },
            report: Report::new(publisher),
            user,
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            making: Mutex::new(()),
        }))
    }

    /// Serves until `stop`.
    pub(super) async fn serve(self, listener: UnixListener, context: &Context, stop: &CancellationToken) {
        loop {
            let permit = Arc::clone(&self.0.connections).acquire_owned();
            let Some(Ok(permit)) = stop.run_until_cancelled(permit).await else { return };
            let stream = match stop.run_until_cancelled(listener.accept()).await {
                None => return,
                Some(Ok((stream, _))) => stream,
                Some(Err(error)) => {
                    tracing::warn!(error = chain(&error), "a plugin's connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            if !self.admits(&stream) {
                continue;
            }
            let (server, serving, stop) = (self.clone(), context.clone(), stop.clone());
            context.spawn("engine broker", async move {
                stop.run_until_cancelled(server.connection(stream, &serving, &stop)).await;
                drop(permit);
            });
        }
    }

    /// Root, this process's own user, and the owner of the plugin's directory.
    fn admits(&self, stream: &UnixStream) -> bool {
        let user = stream.peer_cred().map(|peer| peer.uid());
        let own = rustix::process::geteuid().as_raw();
        let admitted = user.as_ref().is_ok_and(|user| *user == 0 || *user == own || *user == self.0.user);
        if !admitted {
            let reason = format!("user {user:?} is neither root nor the owner of the plugin's directory");
            self.0.report.denied(&self.0.owner.grant.plugin, "CONNECT", "/", &reason);
        }
        admitted
    }

    async fn connection(&self, stream: UnixStream, context: &Context, stop: &CancellationToken) {
        let service = service_fn(|request| async { Ok::<_, Infallible>(self.answer(request, context, stop).await) });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        if let Err(error) = connection.await {
            tracing::debug!(error = chain(&error), "a plugin's connection broke");
        }
    }

    async fn answer(&self, request: Request<Incoming>, context: &Context, stop: &CancellationToken) -> Response<Body> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let outcome = self.attempt(request, context, stop).await;
        match outcome.unwrap_or_else(|outcome| outcome) {
            Outcome::Answered(response) => response,
            Outcome::Failed(status, text) => answer::message(status, &text),
            Outcome::Refused(reason) => {
                let plugin = &self.0.owner.grant.plugin;
                self.0.report.denied(plugin, method.as_str(), &path, &reason);
                answer::message(StatusCode::FORBIDDEN, &format!("the broker refuses this to plugin {plugin}: {reason}"))
            }
        }
    }

    async fn attempt(
        &self,
        mut request: Request<Incoming>,
        context: &Context,
        stop: &CancellationToken,
    ) -> Result<Outcome, Outcome> {
        let Inner { owner, report, .. } = &*self.0;
        let uri = request.uri().clone();
        let mut call = request::parse(&owner.grant, request.method(), uri.path(), uri.query().unwrap_or_default())?;
        let conversation = (call.work == Work::Hijack && forward::wants_conversation(request.headers()))
            .then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        // One after the other: two that are counted at once would both be the last that is allowed.
        let _making = match call.makes() {
            Some(_) => Some(self.0.making.lock().await),
            None => None,
        };
        let body = self.read(&mut call, body).await?;
        if let Some((kind, name)) = call.object_name() {
            let id = owner.id(kind, name).await?;
            call.bind(id);
        }
        let outgoing = outgoing(&call, &parts.headers, body, conversation.is_some());
        let (target, changes) = (call.target(), call.changes());
        let response = self.send(&call, outgoing, conversation, context, stop).await?;
        if changes {
            let path = target.split('?').next().unwrap_or_default();
            report.changed(&owner.grant.plugin, call.method.as_str(), path, response.status().as_u16());
        }
        self.shown(&call, response).await.map(Outcome::Answered)
    }

    /// The body as the engine gets it.
    async fn read(&self, call: &mut Call, body: Incoming) -> Result<Body, Outcome> {
        let owner = &self.0.owner;
        match call.body {
            request::Body::Stream => Ok(body.boxed()),
            request::Body::Nothing => {
                let bytes = collect(body, DOCUMENT_BYTES).await?;
                if !matches!(bytes.trim_ascii(), b"" | b"null" | b"{}") {
                    return Err(Outcome::Refused("this call takes no body".to_owned()));
                }
                Ok(answer::full(Bytes::new()))
            }
            request::Body::Json(judge) => {
                let bytes = collect(body, DOCUMENT_BYTES).await?;
                let document =
                    if bytes.is_empty() { Ok(serde_json::json!({})) } else { serde_json::from_slice(&bytes) };
                let mut document: Value =
                    document.map_err(|error| Outcome::Refused(format!("the body is no JSON: {error}")))?;
                let names = judge(&owner.grant, &mut document)?;
                if let Some(kind) = call.makes() {
                    owner.may_create(kind).await?;
                }
                match document["Name"].as_str() {
                    Some(name) if call.work == Work::CreateVolume && !name.is_empty() => {
                        owner.may_create_volume(name).await?;
                    }
                    _ => {}
                }
                let owned = owner.all(&names).await?;
                container::bind(&mut document, &owned);
                if call.work == Work::CreateContainer {
                    let labels = owner.image_labels(document["Image"].as_str().unwrap_or_default()).await?;
                    resource::hide_labels(&mut document, &labels)?;
                }
                if let Some(id) = document["Container"].as_str().and_then(|name| owned.containers.get(name)) {
                    document["Container"] = id.as_str().into();
                }
                Ok(answer::full(document.to_string()))
            }
        }
    }

    async fn send(
        &self,
        call: &Call,
        request: Request<Body>,
        conversation: Option<OnUpgrade>,
        context: &Context,
        stop: &CancellationToken,
    ) -> Result<Response<Body>, Outcome> {
        let engine = &self.0.owner.engine;
        let sending = forward::send(engine, request, conversation, context, stop);
        let away = |error: &dyn std::fmt::Display| {
            tracing::warn!(error = %error, "the engine gave a plugin no answer");
            Outcome::Failed(StatusCode::SERVICE_UNAVAILABLE, "the engine does not answer".to_owned())
        };
        // Some answers begin only when something has happened.
        let limit = match call.object {
            Some((_, Kind::Container | Kind::Exec)) => Duration::from_secs(24 * 3600),
            _ if call.listed() == "events" => Duration::from_secs(24 * 3600),
            _ => patience(engine, &call.method),
        };
        match tokio::time::timeout(limit, sending).await {
            Ok(response) => response.map_err(|error| away(&error)),
            Err(elapsed) => Err(away(&elapsed)),
        }
    }

    /// The answer as the plugin gets it.
    async fn shown(&self, call: &Call, response: Response<Body>) -> Result<Response<Body>, Outcome> {
        let grant = &self.0.owner.grant;
        let look = matches!(call.work, Work::List | Work::ListImages | Work::Info)
            && call.method == hyper::Method::GET
            && call.listed() != "events"
            && response.status().is_success();
        let mut response = response;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            answer::strip(response.headers_mut());
        }
        if !look {
            return Ok(response);
        }
        let bytes = collect(response.into_body(), LIST_BYTES).await?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|_| Outcome::Failed(StatusCode::BAD_GATEWAY, "the engine's answer is no JSON".to_owned()))?;
        let value = match call.work {
            Work::ListImages => answer::images(grant, value),
            Work::Info => answer::info(&value),
            _ => answer::own(grant, call.listed(), value),
        };
        Ok(answer::json(StatusCode::OK, &value))
    }
}

async fn collect<B>(body: B, most: usize) -> Result<Bytes, Outcome>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match tokio::time::timeout(DOCUMENT_LIMIT, Limited::new(body, most).collect()).await {
        Err(_) => Err(Outcome::Failed(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".to_owned())),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Outcome::Failed(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes")))
        }
        Ok(Err(_)) => Err(Outcome::Failed(StatusCode::BAD_REQUEST, "the body ended early".to_owned())),
    }
}

/// The request as the engine gets it, made from what was understood.
fn outgoing(call: &Call, headers: &HeaderMap, body: Body, conversation: bool) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = call.method.clone();
    // Every part of it was encoded by us.
    *request.uri_mut() = call.target().parse().unwrap_or_default();
    let sent = request.headers_mut();
    sent.insert(header::HOST, header::HeaderValue::from_static("docker"));
    for name in PASSED {
        if let Some(value) = headers.get(&name) {
            sent.insert(name, value.clone());
        }
    }
    if matches!(call.body, request::Body::Json(_)) {
        sent.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    }
    if let Some(value) = headers.get(REGISTRY_AUTH) {
        sent.insert(REGISTRY_AUTH, value.clone());
    }
    if conversation {
        sent.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
        sent.insert(header::UPGRADE, header::HeaderValue::from_static("tcp"));
    }
    request
}

#[cfg(test)]
mod tests;
