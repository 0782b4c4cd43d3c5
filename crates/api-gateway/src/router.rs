//! From a request to its handler: the dialects' tables, the plugins below `/plugins/`, and the layers around both.

use std::sync::Arc;

use axum::{Router, extract::MatchedPath, routing::any};
use http::Method;

use crate::{
    app::App,
    dialect, middleware,
    plugin::proxy,
    problem::{Kind, Problem},
    route::Route,
};

/// What the layers must know of a route before its handler runs.
#[derive(Debug)]
pub(crate) struct Traits {
    open: Vec<(Method, &'static str)>,
    acting: Vec<(Method, &'static str)>,
}

impl Traits {
    fn of(routes: &[Route]) -> Self {
        let select = |wanted: fn(&Route) -> bool| {
            routes.iter().filter(|route| wanted(route)).map(|route| (route.method.clone(), route.path)).collect()
        };
        Self { open: select(Route::is_open), acting: select(|route| route.acts) }
    }

    /// Whether a request needs no credential. What matches no route does.
    pub(crate) fn is_open(&self, method: &Method, matched: Option<&MatchedPath>) -> bool {
        contains(&self.open, method, matched)
    }

    /// Whether a request changes something.
    pub(crate) fn acts(&self, method: &Method, matched: Option<&MatchedPath>) -> bool {
        !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || contains(&self.acting, method, matched)
    }
}

/// A HEAD is as open, and does as much, as the GET that answers it.
fn contains(routes: &[(Method, &'static str)], method: &Method, matched: Option<&MatchedPath>) -> bool {
    let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
    matched.is_some_and(|matched| routes.iter().any(|(known, path)| *known == method && *path == matched.as_str()))
}

/// The whole of it. Every request passes every layer, also one that nothing answers.
pub(crate) fn build(app: &Arc<App>) -> Router {
    let routes = dialect::routes();
    let traits = Arc::new(Traits::of(&routes));
    let mut router = Router::new();
    for route in routes {
        router = router.route(route.path, route.handler);
    }
    let router = router
        .route("/plugins/{*path}", any(proxy::serve))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Arc::clone(app));
    middleware::around(router, app, &traits)
}

async fn not_found() -> Problem {
    Problem::not_found("404 page not found")
}

async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "405 method not allowed")
}
