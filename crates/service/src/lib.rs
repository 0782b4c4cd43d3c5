//! What every Homeport process is built on.
//!
//! A service is a function from a [`Context`] to its end. [`run`] gives it a runtime, logs, signals and a drain;
//! [`rpc`] gives it a socket and connections to the others; [`config`] its settings.

pub mod address;
pub mod clock;
pub mod config;
mod context;
pub mod file;
pub mod health;
pub mod peer;
pub mod rpc;
mod run;
pub mod secret;
pub mod single;
pub mod status;
pub mod telemetry;
pub mod trace;

pub use context::{Context, Paths};
pub use run::{Entry, StartError, main, run_all};
pub use secret::Secret;
