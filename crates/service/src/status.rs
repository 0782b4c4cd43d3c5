//! The only road from a domain error to a gRPC status.

use tonic::{Code, Status};

use crate::telemetry::chain;

/// An error that knows what its reader should do about it.
pub trait Coded: std::error::Error + 'static {
    /// The code, chosen by what the reader should do: fix the request, wait, or report.
    fn code(&self) -> Code;
}

/// Turns an error into a status. Its whole chain is the message, unless it is our own fault: then the chain goes to the
/// log and the caller reads that there is one.
pub fn to_status<E: Coded>(error: &E) -> Status {
    match error.code() {
        Code::Internal | Code::Unknown => {
            tracing::error!(error = chain(error), "request failed");
            Status::internal("an internal error; the log has the details")
        }
        code => Status::new(code, chain(error)),
    }
}
