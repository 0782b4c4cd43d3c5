//! Scenarios against the shipped binary, a real container engine, a real registry and real images.
//!
//! `cargo xtask test e2e` prepares the engine and the images (`cargo xtask engine start`, `cargo xtask fixtures`) and
//! runs them. Everything a run makes carries the label `homeport.test=<run>` and is removed at its end.

mod bus;
mod engine;
mod fixtures;
pub mod http2;
mod project;
mod run;
mod stack;
mod wait;

pub use bus::Bus;
pub use engine::Engine;
pub use fixtures::{Fixtures, Versions};
pub use project::{Call, Project, free_port, free_subnet};
pub use run::{Run, Scenario, conclude, is_nightly, root, scratch, variable};
pub use stack::{PASSWORD, SERVICES, Stack, binary};
pub use wait::{until, until_ok};

/// How a scenario ends.
pub type Outcome = anyhow::Result<()>;
