//! The broker against a model. What is said over its socket is tried on the shipped binary, in `homeport-e2e`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod model;
