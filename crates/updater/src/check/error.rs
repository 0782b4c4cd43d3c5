//! Why a check could not be made.

use homeport_service::status::Coded;
use tonic::Code;

use crate::inventory::InventoryError;

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// docker-agent did not say what runs.
    #[error("cannot list the containers")]
    Inventory(#[source] InventoryError),
    /// There is no such container, or it is Homeport's own.
    #[error("container not found: {0}")]
    NotFound(String),
}

impl Coded for CheckError {
    fn code(&self) -> Code {
        match self {
            Self::Inventory(source) => source.code(),
            Self::NotFound(_) => Code::NotFound,
        }
    }
}
