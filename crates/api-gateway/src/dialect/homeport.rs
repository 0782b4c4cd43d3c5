//! Homeport's own routes.

mod challenge;
mod events;
mod healthz;
mod metrics;
mod routes;

pub(crate) use routes::routes;
