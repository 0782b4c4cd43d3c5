//! docker-agent with a real engine and the images that `cargo xtask fixtures` makes.
//!
//! The engine is that of `DOCKER_HOST`, by default the private one of the workspace. Everything that a test makes carries
//! the label `homeport.test` with the test's own id, and goes by it, also after a failure.
#![expect(clippy::unwrap_used, reason = "what must be there and is not fails the test")]

mod broker;
mod compose;
mod containers;
mod crash;
mod images;
mod observe;
mod plugins;
mod ports;
mod replacement;
mod snapshots;
mod specs;
mod upkeep;
mod world;
