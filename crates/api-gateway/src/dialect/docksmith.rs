//! The Docksmith API: everything below `/api/` that is not sign-in.

mod action;
pub(crate) mod board;
mod check;
mod docker_config;
pub(crate) mod envelope;
mod events;
mod explain;
mod explorer;
mod health;
mod history;
mod inspect;
mod labels;
mod logs;
mod mismatch;
mod operations;
mod plan;
mod policies;
mod prune;
mod registry;
mod removal;
mod restart;
mod rollback;
mod routes;
mod scripts;
mod settings;
mod snapshot;
mod stats;
mod status;
mod update;

pub(crate) use routes::{SHAPES, sections};
