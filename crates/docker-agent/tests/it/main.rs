//! docker-agent on its socket, without an engine.

mod away;
mod bound;
