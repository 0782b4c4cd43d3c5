//! SPR's base API.

mod base;
mod certificate;
mod compose;
mod info;
mod logout;
mod plugin;
mod release;
mod routes;
mod tokens;
mod ui_session;
mod ws;

pub(crate) use routes::{SHAPES, routes};
