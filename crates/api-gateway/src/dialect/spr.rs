//! SPR's base API.

mod base;
mod routes;
mod tokens;
mod ws;

pub(crate) use routes::routes;
