//! SPR's base API.

mod base;
mod certificate;
mod compose;
mod info;
mod itself;
mod logout;
mod logs;
mod otp;
mod person;
mod plugin;
mod release;
mod routes;
mod setup;
mod tokens;
mod ui_session;
mod webauthn;
mod ws;

pub(crate) use routes::{SHAPES, routes};
