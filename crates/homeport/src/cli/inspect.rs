//! `homeport inspect` and `homeport labels`

use clap::Args;

use super::{Session, api, output, table::render};
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

/// Whose labels.
#[derive(Debug, Args)]
pub struct Labels {
    /// The container
    container: String,
    /// Also those that are not for Homeport
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Prints a container's document: there is no better form for all of it.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let more = if arguments.secrets { "?secrets=true" } else { "" };
    let path = format!("/api/containers/{}/inspect{more}", api::encode(&arguments.container));
    output::json(&session.api.get(&path).await?)
}

/// Shows the labels of a running container.
pub(crate) async fn labels(session: &Session, arguments: &Labels) -> anyhow::Result<()> {
    let document = session.api.get(&format!("/api/labels/{}", api::encode(&arguments.container))).await?;
    if session.json {
        return output::json(&document);
    }
    let labels: api::Labels = session.api.typed(&document)?;
    let is_ours = |name: &str| name.starts_with("docksmith.") || name.starts_with("homeport.");
    let shown: Vec<[String; 2]> = labels
        .labels
        .into_iter()
        .filter(|(name, _)| arguments.all || is_ours(name))
        .map(|(name, value)| [name, value])
        .collect();
    if shown.is_empty() {
        output::note("There are no labels for Homeport on it; --all shows the others");
        return Ok(());
    }
    Ok(output::text(&render(["LABEL", "VALUE"], shown))?)
}
