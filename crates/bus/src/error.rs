//! What the broker refuses, as gRPC says it.

use homeport_service::status::Coded;
use tonic::Code;

use crate::broker::BrokerError;

impl Coded for BrokerError {
    fn code(&self) -> Code {
        match self {
            // The client tries again, and finds the next process.
            Self::Draining => Code::Unavailable,
            Self::TooManySubscribers { .. } => Code::ResourceExhausted,
        }
    }
}
