//! `homeport prune`

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::bail;
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::Value;

use super::{Session, action::LIMIT, api, output, size::size, table::render};
use crate::command::Remote;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Containers,
    Images,
    Networks,
    Volumes,
    /// Containers, networks and images; with --volumes volumes too
    System,
}

/// What may go.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    #[arg(value_enum, default_value = "system")]
    what: What,
    /// Also images that have a tag and volumes that have a name
    #[arg(long)]
    all: bool,
    /// Of the whole system: volumes too
    #[arg(long)]
    volumes: bool,
    /// Only show what would go
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Shows what nothing uses, asks, and removes it.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.yes && !arguments.dry_run {
        return done(session, &send(session, arguments, false).await?);
    }
    let document = send(session, arguments, true).await?;
    if session.json && arguments.dry_run {
        return output::json(&document);
    }
    let pruned: api::Pruned = session.api.typed(&document)?;
    if pruned.items.is_empty() {
        return Ok(output::text("Nothing to remove: everything is in use or kept")?);
    }
    output::text(&view(&pruned))?;
    if arguments.dry_run {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!("nobody is there to agree; --yes removes it without asking");
    }
    output::note(&format!("Remove these {}? [y/N]", pruned.items.len()));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        output::note("Nothing was removed");
        return Ok(());
    }
    done(session, &send(session, arguments, false).await?)
}

async fn send(session: &Session, arguments: &Arguments, dry_run: bool) -> Result<Value, api::Error> {
    let what = match arguments.what {
        What::Containers => "containers",
        What::Images => "images",
        What::Networks => "networks",
        What::Volumes => "volumes",
        What::System => "system",
    };
    let Arguments { all, volumes, .. } = arguments;
    let path = format!("/api/prune/{what}?all={all}&volumes={volumes}&dry_run={dry_run}");
    session.api.data(session.api.endless_request(Method::POST, &path).timeout(LIMIT * 2)).await
}

fn done(session: &Session, document: &Value) -> anyhow::Result<()> {
    if session.json {
        return output::json(document);
    }
    let pruned: api::Pruned = session.api.typed(document)?;
    let count = pruned.items.len();
    Ok(output::text(&format!("{count} removed, {} given back", size(pruned.space_reclaimed)))?)
}

fn view(pruned: &api::Pruned) -> String {
    let rows = pruned.items.iter().map(|item| {
        let name = if item.name.is_empty() { &item.id } else { &item.name };
        [item.kind.clone(), name.clone(), if item.size == 0 { String::new() } else { size(item.size) }]
    });
    let table = render(["WHAT", "NAME", "SIZE"], rows);
    format!("{table}\nAbout {} would be given back\n", size(pruned.space_reclaimed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_go_is_shown() {
        let pruned = serde_json::json!({
            "items": [
                { "type": "container", "id": "abc", "name": "old" },
                { "type": "image", "id": "sha256:abc", "name": "", "size": 5_000_000 },
            ],
            "space_reclaimed": 5_000_000,
        });
        insta::assert_snapshot!(view(&serde_json::from_value(pruned).unwrap()), @r"
        WHAT       NAME        SIZE
        container  old
        image      sha256:abc  5.0 MB

        About 5.0 MB would be given back
        ");
    }
}
