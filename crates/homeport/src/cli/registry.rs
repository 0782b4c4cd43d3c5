//! `homeport registry`

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{Session, api, output};
use crate::command::Remote;

/// A long list comes in many pages.
const TAGS_LIMIT: Duration = Duration::from_secs(70);

/// What to ask.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    remote: Remote,
}

/// What to ask a registry.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show the tags of an image, the newest first
    Tags(Tags),
}

/// Of which image.
#[derive(Debug, Args)]
struct Tags {
    /// The image without a tag, such as nginx or ghcr.io/owner/app
    image: String,
    #[command(flatten)]
    remote: Remote,
}

impl Arguments {
    pub(crate) const fn remote(&self) -> &Remote {
        match &self.command {
            Some(Command::Tags(tags)) => &tags.remote,
            None => &self.remote,
        }
    }
}

/// Shows which registries there are credentials for, or what a registry has.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        None => registries(session).await,
        Some(Command::Tags(wanted)) => tags(session, wanted).await,
    }
}

async fn registries(session: &Session) -> anyhow::Result<()> {
    let document = session.api.get("/api/docker-config").await?;
    if session.json {
        return output::json(&document);
    }
    let registries: Vec<String> = session.api.typed(&document["registries"])?;
    if registries.is_empty() {
        output::note("There are credentials for no registry; `docker login` adds some");
        return Ok(());
    }
    Ok(output::text(&registries.join("\n"))?)
}

async fn tags(session: &Session, wanted: &Tags) -> anyhow::Result<()> {
    let path = format!("/api/registry/tags/{}", api::encode(&wanted.image));
    let document = session.api.data(session.api.request(Method::GET, &path).timeout(TAGS_LIMIT)).await?;
    if session.json {
        return output::json(&document);
    }
    let tags: Vec<String> = session.api.typed(&document["tags"])?;
    output::text(&tags.join("\n"))?;
    if document["truncated"] == true {
        output::note("There are more; the registry was not asked for all of them");
    }
    Ok(())
}
