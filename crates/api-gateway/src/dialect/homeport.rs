//! Homeport's own routes.

mod audit;
mod challenge;
mod docs;
mod events;
mod factors;
mod healthz;
mod metrics;
mod oidc;
mod openapi;
mod routes;

pub(crate) use routes::routes;
