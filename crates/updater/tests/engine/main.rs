//! The updater with a real registry and the images that `cargo xtask fixtures` makes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod registry;
