//! The built binary against a double of a server.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod commands;
mod document;
mod double;
mod engine;
mod errors;
mod identity;
mod init_state;
mod pipelines;
mod read;
mod rollback;
mod services;
mod session;
mod settings;
mod update;
mod ways_in;
