//! Plugins: programs that serve HTTP on a unix socket and are listed in `api.json`.

mod answered;
mod client;
pub(crate) mod direct;
mod entry;
pub(crate) mod front;
mod headers;
pub(crate) mod lifecycle;
mod line;
mod over;
mod place;
mod proxy;
mod registry;
pub(crate) mod session;
mod upgrade;
mod watch;
mod watched;

pub(crate) use client::sweep as sweep_connections;
pub(crate) use registry::{Plugin, Registry};
pub(crate) use watch::follow;
