//! A line of a route table.

use std::sync::Arc;

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;

use crate::app::App;

/// One method of one path, and what answers it.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Template: `{name}` stands for one segment.
    pub(crate) path: &'static str,
    /// Served without a credential.
    pub(crate) open: bool,
    /// Changes something although its method says otherwise.
    pub(crate) acts: bool,
    pub(crate) handler: MethodRouter<Arc<App>>,
}

impl Route {
    pub(crate) fn get<T: 'static, H: Handler<T, Arc<App>>>(path: &'static str, handler: H) -> Self {
        Self::new(Method::GET, path, on(MethodFilter::GET, handler))
    }

    pub(crate) fn post<T: 'static, H: Handler<T, Arc<App>>>(path: &'static str, handler: H) -> Self {
        Self::new(Method::POST, path, on(MethodFilter::POST, handler))
    }

    pub(crate) fn put<T: 'static, H: Handler<T, Arc<App>>>(path: &'static str, handler: H) -> Self {
        Self::new(Method::PUT, path, on(MethodFilter::PUT, handler))
    }

    pub(crate) fn delete<T: 'static, H: Handler<T, Arc<App>>>(path: &'static str, handler: H) -> Self {
        Self::new(Method::DELETE, path, on(MethodFilter::DELETE, handler))
    }

    /// The same route, for everybody.
    pub(crate) fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// The same route, marked as one that changes something although it is a GET.
    pub(crate) fn acts(self) -> Self {
        Self { acts: true, ..self }
    }

    const fn new(method: Method, path: &'static str, handler: MethodRouter<Arc<App>>) -> Self {
        Self { method, path, open: false, acts: false, handler }
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
}

impl From<&Route> for RouteInfo {
    fn from(route: &Route) -> Self {
        Self { method: route.method.clone(), path: route.path, open: route.open }
    }
}
