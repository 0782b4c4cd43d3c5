//! SPR's base API.

mod base;
mod routes;
mod tokens;

pub(crate) use routes::routes;
