//! SPR's base API.

mod base;
mod certificate;
mod routes;
mod tokens;
mod ws;

pub(crate) use routes::{SHAPES, routes};
