//! The HomelabARR API: signing in and out, at `/auth/…` and, as behind its own web server, at `/api/auth/…`.

mod account;
mod login;
mod logout;
mod profile;
mod routes;

pub(crate) use routes::{SHAPES, routes};
