//! From a request to its handler: the dialects' tables, and the layers around them. What is for a plugin comes by another
//! way ([`crate::plugin::front`]).

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{FactorNeed, Verb};
use http::Method;

use crate::{
    app::App,
    dialect::{self, Dialect},
    middleware,
    page::Page,
    path::CleanPath,
    problem::{Kind, Problem},
    route::Route,
};

/// What the layers must know of a route before its handler runs.
#[derive(Debug)]
pub(crate) struct Traits(HashMap<(Method, &'static str), Trait>);

#[derive(Debug, Clone, Copy)]
struct Trait {
    open: bool,
    acts: bool,
    verb: Verb,
    factor: FactorNeed,
}

impl Traits {
    fn of(routes: &[Route]) -> Self {
        let traits =
            |route: &Route| Trait { open: route.is_open(), acts: route.acts, verb: route.verb, factor: route.factor };
        Self(routes.iter().map(|route| ((route.method.clone(), route.path), traits(route))).collect())
    }

    /// Whether a request needs no credential. What matches no route does.
    pub(crate) fn is_open(&self, method: &Method, matched: Option<&MatchedPath>) -> bool {
        self.find(method, matched).is_some_and(|route| route.open)
    }

    /// Whether a request changes something.
    pub(crate) fn acts(&self, method: &Method, matched: Option<&MatchedPath>) -> bool {
        !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            || self.find(method, matched).is_some_and(|route| route.acts)
    }

    /// What a request does. A GET that changes something is no reading.
    pub(crate) fn verb(&self, method: &Method, matched: Option<&MatchedPath>) -> Verb {
        match self.find(method, matched) {
            Some(Trait { acts: true, verb: Verb::Unspecified, .. }) => Verb::Operate,
            Some(route) => route.verb,
            None => Verb::Unspecified,
        }
    }

    /// When a request needs the second factor.
    pub(crate) fn factor_need(&self, method: &Method, matched: Option<&MatchedPath>) -> FactorNeed {
        self.find(method, matched).map_or(FactorNeed::Unspecified, |route| route.factor)
    }

    /// A HEAD is as open, and does as much, as the GET that answers it.
    fn find(&self, method: &Method, matched: Option<&MatchedPath>) -> Option<Trait> {
        let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
        let routes: &HashMap<(Method, &str), Trait> = &self.0;
        routes.get(&(method, matched?.as_str())).copied()
    }
}

/// The whole of it. Every request passes every layer, also one that nothing answers.
pub(crate) fn build(app: &Arc<App>) -> Router {
    let page = app.config.http.static_dir.as_deref().map(Page::new);
    of(app, dialect::routes(), page)
}

/// The device supervisor's API alone, for whoever is to reach nothing else.
pub(crate) fn supervisor(app: &Arc<App>) -> Router {
    let routes = dialect::supervisor::routes().into_iter();
    of(app, routes.filter(|route| Dialect::of(route.path) == Dialect::Supervisor).collect(), None)
}

fn of(app: &Arc<App>, routes: Vec<Route>, page: Option<Page>) -> Router {
    let traits = Arc::new(Traits::of(&routes));
    let mut router = Router::new();
    let templates: Vec<_> = routes.iter().map(|route| route.path).collect();
    for route in routes {
        router = router.route(route.path, route.handler);
    }
    let templates: Arc<[&'static str]> = templates.into();
    let nowhere = move |request: Request| std::future::ready(not_found(&templates, &request));
    let router = router.method_not_allowed_fallback(method_not_allowed).fallback(nowhere).with_state(Arc::clone(app));
    middleware::around(router, app, &traits, page)
}

/// SPR's clients are used to being led to a route that they wrote a slash behind.
fn not_found(templates: &[&str], request: &Request) -> Response {
    let path = request.extensions().get::<CleanPath>().and_then(|path| path.as_str().strip_suffix('/'));
    match path.filter(|path| Dialect::of(path) == Dialect::Spr && templates.iter().any(|route| fits(route, path))) {
        Some(path) => middleware::moved(path, request.uri().query()),
        None => Problem::not_found("404 page not found").into_response(),
    }
}

/// Whether a path is one of a template's, segment by segment.
fn fits(template: &str, path: &str) -> bool {
    let (names, segments) = (template.split('/'), path.split('/'));
    names.clone().count() == segments.clone().count()
        && names.zip(segments).all(|(name, segment)| name == segment || name.starts_with('{'))
}

/// The supervisor's clients know no difference between a path and a method that there is not.
async fn method_not_allowed(request: Request) -> Problem {
    match Dialect::of(request.uri().path()) {
        Dialect::Supervisor => Problem::not_found("404 page not found"),
        _ => Problem::new(Kind::MethodNotAllowed, "405 method not allowed"),
    }
}
