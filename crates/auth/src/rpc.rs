//! The gRPC services: each method reads its request, asks [`crate::auth::Auth`] and writes the answer.

mod audit;
mod auth;
mod convert;
mod session;
mod token;
mod user;
mod watch;
