//! The gRPC services of the updater.

mod check;
mod convert;
mod operation;
mod update;

pub use check::Checks;
pub use operation::History;
pub use update::Update;
