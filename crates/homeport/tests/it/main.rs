//! The built binary against a double of a server.
