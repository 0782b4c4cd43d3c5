//! Where a subscriber came from.

use std::sync::Arc;

/// What a subscriber speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing: it is in this process.
    #[default]
    None,
    /// gRPC as existing clients speak it.
    Pubservice,
    /// One JSON object a line.
    JsonLines,
    /// `homeport.bus.v1`.
    Homeport,
}

/// Where a subscriber came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// What it speaks.
    pub protocol: Protocol,
    /// Its process, if the kernel told.
    pub pid: Option<i32>,
    /// Its user, if the kernel told.
    pub uid: Option<u32>,
    /// The socket of its own; empty for the common one.
    pub socket: Arc<str>,
}
