//! Homeport's own routes.

mod audit;
mod challenge;
mod docs;
mod events;
mod healthz;
mod metrics;
mod openapi;
mod routes;

pub(crate) use routes::routes;
