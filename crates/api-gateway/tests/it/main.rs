//! The gateway from the outside: real HTTP, real gRPC services and plugins on real unix sockets.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::unnecessary_wraps,
    reason = "a test may fail, its tasks end with its runtime, and its values are made as they are used"
)]

mod client;
mod plugin;
mod plugins_api;
mod secure;
mod services;
mod stack;

mod accounts;
mod acme;
mod audit;
mod authority;
mod bad_plugins;
mod browsers;
mod direct;
mod docksmith;
mod drain;
mod events;
mod health;
mod limits;
mod openapi;
mod page;
mod proxies;
mod proxy;
mod reload;
mod spr;
mod sse;
mod supervisor;
mod tls;
mod unavailable;
mod websockets;
mod whole;
