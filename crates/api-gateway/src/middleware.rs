//! What every request passes, from the outside in.

pub(crate) mod access;
pub(crate) mod audit;
mod authenticate;
pub(crate) mod correlation;
pub(crate) mod cors;
pub(crate) mod cross_site;
pub(crate) mod panic;
pub(crate) mod path;
mod problem;
pub(crate) mod security;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
};

use crate::{app::App, page::Page, router::Traits};

pub(crate) use audit::set_principal;
pub(crate) use authenticate::admit_to;
pub(crate) use correlation::CorrelationId;
pub(crate) use cross_site::is_own;
pub(crate) use path::moved;
pub(crate) use security::{sandbox, secure, secure_plugin};

/// Who sent the request. The listener puts it into every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) SocketAddr);

impl ClientAddress {
    /// Nobody's: of a request that did not come through the listener.
    pub(crate) const UNKNOWN: Self = Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
}

impl fmt::Display for ClientAddress {
    /// With the port, unless a proxy did not tell it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == 0 { self.0.ip().fmt(f) } else { self.0.fmt(f) }
    }
}

/// How the client came here: by itself, or through a reverse proxy that is believed. The listener puts it into every
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// State of the layers that must know the route.
#[derive(Debug, Clone)]
struct Layers {
    app: Arc<App>,
    traits: Arc<Traits>,
    page: Option<Page>,
}

/// Puts the layers around a router. The last one added is the first one a request meets.
pub(crate) fn around(router: Router, app: &Arc<App>, traits: &Arc<Traits>, page: Option<Page>) -> Router {
    let layers = Layers { app: Arc::clone(app), traits: Arc::clone(traits), page };
    router
        .layer(from_fn(path::redirect))
        .layer(from_fn_with_state(layers.clone(), authenticate::authenticate))
        .layer(from_fn_with_state(layers.clone(), cross_site::guard))
        .layer(from_fn(cors::answer))
        .layer(from_fn(panic::catch))
        .layer(from_fn_with_state(layers, audit::record))
        .layer(from_fn(problem::render))
        .layer(from_fn(path::parse))
        .layer(from_fn(security::headers))
        .layer(from_fn(access::record))
        .layer(from_fn(correlation::identify))
}
