//! The gRPC services of the updater.

mod check;
mod convert;
mod operation;
mod script;
mod update;

pub use check::Checks;
pub use operation::History;
pub use script::ScriptRpc;
pub use update::Update;
