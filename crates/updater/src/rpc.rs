//! The gRPC services of the updater.

mod convert;
mod operation;
mod update;

pub use operation::History;
pub use update::Update;
