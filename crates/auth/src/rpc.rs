//! The gRPC services: each method reads its request, asks [`crate::auth::Auth`] and writes the answer.

mod auth;
mod convert;
mod token;
