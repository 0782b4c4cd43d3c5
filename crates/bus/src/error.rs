//! What the broker refuses, as gRPC says it.

use homeport_service::status::Coded;
use tonic::Code;

use crate::{broker::BrokerError, log::GroupError};

impl Coded for BrokerError {
    fn code(&self) -> Code {
        match self {
            // The client tries again, and finds the next process, or a disk with room.
            Self::Draining | Self::NotStoring => Code::Unavailable,
            Self::TooManySubscribers { .. } => Code::ResourceExhausted,
        }
    }
}

impl Coded for GroupError {
    fn code(&self) -> Code {
        match self {
            Self::Name => Code::InvalidArgument,
            Self::Unknown { .. } => Code::NotFound,
            Self::TooMany | Self::NotStored(_) => Code::ResourceExhausted,
        }
    }
}
