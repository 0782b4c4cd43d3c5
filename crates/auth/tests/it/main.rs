//! The service on its socket, as the gateway sees it.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod authorize;
mod events;
mod first_admin;
mod lockout;
mod login;
mod password;
mod stack;
mod tokens;
