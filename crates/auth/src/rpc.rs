//! The gRPC services: each method reads its request, asks [`crate::auth::Auth`] and writes the answer.

mod audit;
mod auth;
mod convert;
mod device;
mod factor;
mod oidc;
mod passkey;
mod session;
mod token;
mod user;
mod watch;
