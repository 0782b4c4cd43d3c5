//! What is for a plugin: the same checks, headers and records as for every other request, without a layer for each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{FactorNeed, Verb};
use homeport_service::trace::TraceContext;
use http::{HeaderMap, Method, header, request::Parts};

use super::{
    place::{Door, Place, uri_of_host},
    proxy::{self, Asked},
    registry::Target,
    session,
};
use crate::{
    app::App,
    dialect::Dialect,
    gate::Caller,
    metrics::{PLUGIN_ROUTE, count_plugin_read},
    middleware::{
        self, ClientAddress, CorrelationId,
        access::{self, Access},
        audit::Question,
        correlation, cors, cross_site, moved, panic, path,
    },
    path::CleanPath,
    problem::{Problem, render},
};

/// Whether a request is for a plugin, as it was sent. What is not written as plainly is redirected first.
pub(crate) fn is_for_plugin(domain: &str, request: &Request) -> bool {
    if host(request.headers()).is_some_and(|host| uri_of_host(host, domain).is_some()) {
        return true;
    }
    let path = request.uri().path();
    match path.strip_prefix("/plugins/") {
        // How plugins were managed before there was `/plugins_api`. No plugin ever sees such a path.
        Some(name) => {
            name.contains('/') || name.is_empty() || !matches!(*request.method(), Method::PUT | Method::DELETE)
        }
        None => path.starts_with("/admin/custom_plugin/"),
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// What the short way found out about a request before it left it to this one; nothing is asked or tried twice.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    /// The id that the plugin knows the request by.
    pub(super) id: CorrelationId,
    pub(super) why: Unserved,
}

/// Why the short way has no answer.
#[derive(Debug, Clone)]
pub(super) enum Unserved {
    /// Whoever asks may not.
    Refused(Problem),
    /// The plugin did not answer as it should.
    Failed(Problem),
}

/// Answers a request from its first look to its line in the log.
pub(crate) async fn serve(app: &Arc<App>, mut request: Request) -> Response {
    let started = Instant::now();
    let trace = TraceContext::of_headers(request.headers());
    let settled = request.extensions().get::<Settled>().map(|settled| settled.id.clone());
    let id = settled.unwrap_or_else(|| CorrelationId::of(request.headers()));
    request.extensions_mut().insert(id.clone());
    let has_origin = request.headers().contains_key(header::ORIGIN);
    let recorded = async {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let client = request.extensions().get::<ClientAddress>().copied();
        let agent = request.headers().get(header::USER_AGENT).cloned();
        let question = || {
            let template = Some(PLUGIN_ROUTE.to_owned());
            Question { method: method.clone(), template, uri: uri.clone(), client, id: Some(id.clone()), agent }
        };
        let response = if matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) {
            let response = panic::guard(Box::pin(answer(app, request))).await;
            if !response.status().is_success()
                && let Some(entry) = question().answered(false, &response)
            {
                Box::pin(app.audit.record(entry)).await;
            }
            response
        } else {
            let (question, work) = (question(), Arc::clone(app));
            let recorded = async move {
                let response = panic::guard(Box::pin(answer(&work, request))).await;
                if let Some(entry) = question.answered(true, &response) {
                    work.audit.record(entry).await;
                }
                response
            };
            app.answer(recorded).await
        };
        let mut response = render(response, Dialect::Spr);
        middleware::secure(&mut response);
        cors::allow_plugin_pages(response.headers_mut(), has_origin);
        let caller = response.extensions().get::<Caller>().map_or("", Caller::name);
        let told = Told { method: &method, path: uri.path(), client, caller, status: response.status().as_u16() };
        told.note(&id, trace, started.elapsed(), &tracing::Span::none());
        response
    };
    // Without a span around it: most of these requests have nothing to say, and a span costs more than the checks. What is
    // said of a plugin that fails names the trace itself.
    let mut response = trace.scope(tracing::Span::none(), recorded).await;
    response.headers_mut().insert(correlation::HEADER, id.0);
    response
}

/// What a line in the log says of a request.
pub(super) struct Told<'a> {
    pub(super) method: &'a Method,
    /// Without the query.
    pub(super) path: &'a str,
    pub(super) client: Option<ClientAddress>,
    pub(super) caller: &'a str,
    pub(super) status: u16,
}

impl Told<'_> {
    /// Counts a request, and logs it: a page is made of dozens of files; what changes something, and what fails, is told.
    pub(super) fn note(self, id: &CorrelationId, trace: TraceContext, elapsed: Duration, task: &tracing::Span) {
        let Self { method, path, client, caller, status } = self;
        let is_routine = matches!(*method, Method::GET | Method::HEAD) && status < 400;
        if is_routine && status == 200 && *method == Method::GET {
            count_plugin_read(elapsed);
            return;
        }
        let access = Access { method, path, route: Some(PLUGIN_ROUTE), client, caller, status, is_routine };
        task.in_scope(|| {
            let span = tracing::info_span!("request", correlation.id = id.as_str(), trace.id = trace.trace_id());
            span.in_scope(|| access::note(&access, elapsed));
        });
    }
}

async fn answer(app: &Arc<App>, request: Request) -> Response {
    let Some(path) = CleanPath::parse(request.uri().path()) else { return path::unreadable().into_response() };
    // A preflight never carries a credential.
    if request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return cors::plugin_preflight();
    }
    let (mut parts, body) = request.into_parts();
    let domain = &app.config.plugins.domain;
    // What only looked as if it were for a plugin is decided upon as what it is.
    let elsewhere = || Place { path: path.as_str().to_owned(), door: Door::Prefix };
    let place = Place::of(host(&parts.headers), domain, path.as_str()).unwrap_or_else(elsewhere);
    let target = app.plugins.find(&place.path);
    let is_open =
        matches!(&target, Some(Target::Path(plugin, rest)) if place.door.is_open_for(rest) && plugin.entry.has_ui);
    let (refused, failed) = match parts.extensions.remove::<Settled>().map(|settled| settled.why) {
        Some(Unserved::Refused(problem)) => (Some(problem), None),
        Some(Unserved::Failed(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    let mut caller = None;
    if !is_open {
        if place.door == Door::Frame {
            return nothing();
        }
        if let Some(problem) = guard(&parts) {
            return problem.into_response();
        }
        let admitted = match refused {
            Some(problem) => Err(problem),
            None => middleware::admit_to(app, &parts, &place.path, Verb::Unspecified, FactorNeed::Unspecified).await,
        };
        match admitted {
            Ok(admitted) => caller = Some(admitted),
            Err(problem) => return session::refusal(&parts.headers, problem),
        }
    }
    let is_framed =
        place.door == Door::Frame && matches!(&target, Some(Target::Path(plugin, _)) if plugin.entry.sandboxed_ui);
    let mut response = if path.was_clean() {
        match target {
            Some(Target::Path(..)) if failed.is_some() => failed.map_or_else(nothing, Problem::into_response),
            Some(Target::Path(plugin, rest)) => {
                parts.extensions.remove::<CleanPath>();
                let asked = Asked { plugin: &plugin, path: rest, caller: caller.clone() };
                proxy::serve(app, asked, Request::from_parts(parts, body)).await
            }
            Some(Target::Slash) => moved(&format!("{}/", path.as_str()), parts.uri.query()),
            None => nothing(),
        }
    } else {
        moved(path.as_str(), parts.uri.query())
    };
    if is_framed {
        middleware::sandbox(&mut response);
    }
    if let Some(caller) = caller {
        // For the access log.
        response.extensions_mut().insert(caller);
    }
    response
}

/// Refuses what a page of another site may not make a browser do. The page of a plugin has no site, and its token, which no
/// browser sends by itself, is proof that it may.
fn guard(request: &Parts) -> Option<Problem> {
    let (method, headers) = (&request.method, &request.headers);
    let acts = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let is_guarded = (acts && !session::is_carried(headers)) || headers.contains_key(header::UPGRADE);
    is_guarded.then(|| cross_site::refusal(headers, request.extensions.get().copied())).flatten()
}

fn nothing() -> Response {
    Problem::not_found("404 page not found").into_response()
}
