//! SPR's base API.

mod base;
mod certificate;
mod plugin;
mod routes;
mod tokens;
mod ui_session;
mod ws;

pub(crate) use routes::{SHAPES, routes};
