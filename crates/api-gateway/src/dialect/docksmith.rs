//! The Docksmith API: everything below `/api/` that is not sign-in.

pub(crate) mod board;
mod check;
mod docker_config;
pub(crate) mod envelope;
mod events;
mod explain;
mod health;
mod operations;
mod plan;
mod registry;
mod rollback;
mod routes;
mod snapshot;
mod status;
mod update;

pub(crate) use routes::routes;
