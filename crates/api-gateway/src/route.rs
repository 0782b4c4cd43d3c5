//! A line of a route table: the one place that says what a route is, for the router, for the layers before it, for
//! `/openapi.json` and for the tests that try them all.

mod answer;

use std::sync::Arc;

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use homeport_proto::auth::v1::{FactorNeed, Verb};
use http::Method;

use crate::{app::App, problem::Kind};

pub(crate) use answer::Answer;

/// One method of one path, what answers it, and what a client must know of it. Texts are Markdown of one sentence; bodies
/// are worked examples, see [`crate::openapi`].
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Template: `{name}` stands for one segment, `{*name}` for all that are left.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    /// Changes something although its method says otherwise.
    pub(crate) acts: bool,
    /// What it does, and so which roles may. Unspecified: by its method.
    pub(crate) verb: Verb,
    /// When it needs the second factor. Unspecified: of those who want it always.
    pub(crate) factor: FactorNeed,
    /// What it does, in half a sentence.
    pub(crate) summary: &'static str,
    /// What else there is to know.
    pub(crate) detail: &'static str,
    /// Names and meanings of the parameters of the query. All may be left out.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// Worked example of the body; none is read without one.
    pub(crate) body: Option<&'static str>,
    pub(crate) answer: Answer,
    /// Refusals of its own, beside those that every route has: what, and when.
    pub(crate) refusals: &'static [(Kind, &'static str)],
    pub(crate) handler: MethodRouter<Arc<App>>,
}

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Everybody to HTTP; the first message on the websocket must be a credential.
    FirstMessage,
    /// Any good credential whose scopes cover the path.
    Any,
    /// An administrator's credential without scopes.
    Whole,
}

impl Route {
    pub(crate) fn get<T: 'static, H: Handler<T, Arc<App>>>(
        path: &'static str,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(Method::GET, path, on(MethodFilter::GET, handler), summary)
    }

    pub(crate) fn post<T: 'static, H: Handler<T, Arc<App>>>(
        path: &'static str,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(Method::POST, path, on(MethodFilter::POST, handler), summary)
    }

    pub(crate) fn put<T: 'static, H: Handler<T, Arc<App>>>(
        path: &'static str,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(Method::PUT, path, on(MethodFilter::PUT, handler), summary)
    }

    pub(crate) fn delete<T: 'static, H: Handler<T, Arc<App>>>(
        path: &'static str,
        handler: H,
        summary: &'static str,
    ) -> Self {
        Self::new(Method::DELETE, path, on(MethodFilter::DELETE, handler), summary)
    }

    /// The same route, for everybody.
    pub(crate) fn open(self) -> Self {
        Self { access: Access::Open, ..self }
    }

    /// The same route, for administrators' credentials without scopes. Its handler refuses the others.
    pub(crate) fn whole(self) -> Self {
        Self { access: Access::Whole, verb: Verb::Administer, ..self }
    }

    /// The same route, as one that asks for a credential on the websocket.
    pub(crate) fn first_message(self) -> Self {
        Self { access: Access::FirstMessage, ..self }
    }

    /// The same route, marked as one that changes something although it is a GET.
    pub(crate) fn acts(self) -> Self {
        Self { acts: true, ..self }
    }

    /// The same route, for every role: it reads although its method says otherwise, or concerns nobody but the caller.
    pub(crate) fn reads(self) -> Self {
        Self { verb: Verb::Read, ..self }
    }

    /// The same route, for administrators alone.
    pub(crate) fn admin(self) -> Self {
        Self { verb: Verb::Administer, ..self }
    }

    /// The same route, for people who have shown their second factor, as soon as somebody has one.
    pub(crate) fn second_factor(self) -> Self {
        Self { factor: FactorNeed::Required, ..self }
    }

    /// The same route, as one that the second factor is shown at, or that ends a sign-in.
    pub(crate) fn before_factor(self) -> Self {
        Self { factor: FactorNeed::Never, ..self }
    }

    /// What else there is to know: units, bounds, and where Homeport differs from the original.
    pub(crate) fn detail(self, detail: &'static str) -> Self {
        Self { detail, ..self }
    }

    /// The parameters of the query.
    pub(crate) fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    /// The body it reads, as a worked example.
    pub(crate) fn body(self, example: &'static str) -> Self {
        Self { body: Some(example), ..self }
    }

    /// What it answers. A route that does not say fails the tests.
    pub(crate) fn answers(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }

    /// Refusals of its own.
    pub(crate) fn refuses(self, refusals: &'static [(Kind, &'static str)]) -> Self {
        Self { refusals, ..self }
    }

    /// Whether no credential is needed to reach the handler.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.access, Access::Open | Access::FirstMessage)
    }

    const fn new(method: Method, path: &'static str, handler: MethodRouter<Arc<App>>, summary: &'static str) -> Self {
        Self {
            method,
            path,
            access: Access::Any,
            acts: false,
            verb: Verb::Unspecified,
            factor: FactorNeed::Unspecified,
            summary,
            detail: "",
            query: &[],
            body: None,
            answer: Answer::Unsaid,
            refusals: &[],
            handler,
        }
    }
}

/// A route as others may see it: for documents, and for tests that try them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// HTTP method.
    pub method: Method,
    /// Path template: `{name}` stands for one segment.
    pub path: &'static str,
    /// Whether it is served without a credential.
    pub open: bool,
    /// Who is let in.
    pub access: Access,
    /// Whether its answer is described.
    pub described: bool,
    /// What it does, and so which roles may. Unspecified: by its method.
    pub verb: Verb,
}

impl From<&Route> for RouteInfo {
    fn from(route: &Route) -> Self {
        Self {
            method: route.method.clone(),
            path: route.path,
            open: route.is_open(),
            access: route.access,
            verb: route.verb,
            described: route.answer != Answer::Unsaid && !route.summary.is_empty(),
        }
    }
}
