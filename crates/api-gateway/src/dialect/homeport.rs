//! Homeport's own routes.

mod healthz;
mod metrics;
mod routes;

pub(crate) use routes::routes;
