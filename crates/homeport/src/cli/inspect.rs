//! `homeport inspect`

use clap::Args;

use super::{Session, api, output};
use crate::command::Remote;

/// Which container, and how much of it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The container
    container: String,
    /// Also show values of the environment that may be secrets
    #[arg(long)]
    secrets: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Prints a container's document: there is no better form for all of it.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let more = if arguments.secrets { "?secrets=true" } else { "" };
    let path = format!("/api/containers/{}/inspect{more}", api::encode(&arguments.container));
    output::json(&session.api.get(&path).await?)
}
