//! The device supervisor's API: its keys, and their replacement.

mod key;
mod keys;
mod routes;

pub(crate) use key::credential;
pub(crate) use routes::routes;
