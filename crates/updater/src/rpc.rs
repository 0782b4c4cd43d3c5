//! The gRPC services of the updater.

mod action;
mod check;
mod convert;
mod history;
mod operation;
mod pipeline;
mod release;
mod script;
mod update;

pub use action::Actions;
pub use check::Checks;
pub use history::LookBack;
pub use operation::History;
pub use pipeline::Pipelines;
pub use release::ReleaseRpc;
pub use script::ScriptRpc;
pub use update::Update;
