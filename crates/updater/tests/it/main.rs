//! The updater from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;
mod hub;
mod registry;
mod rules;
