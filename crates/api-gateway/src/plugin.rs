//! Plugins: programs that serve HTTP on a unix socket and are listed in `api.json`.

mod client;
mod entry;
mod headers;
pub(crate) mod proxy;
mod registry;
mod upgrade;
mod watch;
mod watched;

pub(crate) use registry::{Plugin, Registry};
pub(crate) use watch::follow;
