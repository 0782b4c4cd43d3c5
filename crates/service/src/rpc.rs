//! gRPC over unix sockets: listen, serve, connect.

mod client;
mod listen;
mod server;

pub use client::{Client, ClientInterceptor, connect, connect_streaming};
pub use listen::{BindError, bind};
pub use server::{Connections, GrpcService, ServeError, Server};

/// The largest message that services take from each other: a list of 300 fully inspected containers is about 5 MB.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;
