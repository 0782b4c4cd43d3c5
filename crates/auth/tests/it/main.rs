//! The service on its socket, as the gateway sees it.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod audit;
mod authenticator;
mod authorize;
mod changes;
mod devices;
mod events;
mod factors;
mod files;
mod first_admin;
mod import;
mod lockout;
mod login;
mod oidc;
mod passkeys;
mod password;
mod provider;
mod revocations;
mod stack;
mod tokens;
mod users;
