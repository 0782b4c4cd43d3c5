//! `homeport labels`: what a container is labelled with, and how that is changed.

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Session, api,
    follow::{self, Started, Watch},
    output,
    table::render,
};
use crate::command::Remote;

/// Whose labels, and what they shall be.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
pub struct Arguments {
    /// The container
    container: String,
    /// Labels to set, such as docksmith.version-pin-major=true; written into the compose file
    #[arg(value_name = "LABEL=VALUE", conflicts_with_all = ["all", "undo"])]
    set: Vec<String>,
    /// Labels to take away
    #[arg(long, value_name = "LABEL", conflicts_with_all = ["all", "undo"])]
    remove: Vec<String>,
    /// Take back a change of labels, by the id of its operation
    #[arg(long, value_name = "OPERATION", conflicts_with = "all")]
    undo: Option<String>,
    /// Change only the file; the container gets them when it is next made again
    #[arg(long)]
    no_restart: bool,
    /// Ask no script, and break update locks
    #[arg(long)]
    force: bool,
    /// Come back at once, while it runs on
    #[arg(long)]
    no_wait: bool,
    /// Also show those that are not for Homeport
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Shows the labels of a running container, or changes them.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(operation) = &arguments.undo {
        return undo(session, arguments, operation).await;
    }
    if arguments.set.is_empty() && arguments.remove.is_empty() {
        return show(session, arguments).await;
    }
    let body = json!({
        "container": arguments.container,
        "labels": changes(arguments)?,
        "no_restart": arguments.no_restart,
        "force": arguments.force,
    });
    let watch = Watch::open(session).await;
    let document = session.api.post("/api/labels/set", &body).await?;
    let operation_id = document["operation_id"].as_str().unwrap_or_default().to_owned();
    end(session, watch, arguments, operation_id).await
}

/// Names and values; an empty value takes a label away.
fn changes(arguments: &Arguments) -> anyhow::Result<Map<String, Value>> {
    let mut changes = Map::new();
    for text in &arguments.set {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => changes.insert(name.to_owned(), value.into()),
            _ => bail!("{text:?} is no LABEL=VALUE"),
        };
    }
    changes.extend(arguments.remove.iter().map(|name| (name.clone(), Value::from(""))));
    Ok(changes)
}

async fn undo(session: &Session, arguments: &Arguments, operation: &str) -> anyhow::Result<()> {
    let body = json!({
        "operation_ids": [operation],
        "container_names": [arguments.container],
        "force": arguments.force,
    });
    let watch = Watch::open(session).await;
    let document = session.api.post("/api/labels/rollback", &body).await?;
    let batch: api::Acted = session.api.typed(&document)?;
    let Some(result) = batch.results.first().filter(|result| result.success) else {
        let error = batch.results.first().and_then(|result| result.error.clone());
        bail!("{}: {}", arguments.container, error.unwrap_or_else(|| "nothing was taken back".to_owned()));
    };
    end(session, watch, arguments, result.operation_id.clone().unwrap_or_default()).await
}

async fn end(session: &Session, watch: Watch, arguments: &Arguments, operation_id: String) -> anyhow::Result<()> {
    let work = [Started { operation_id, name: arguments.container.clone() }];
    if arguments.no_wait {
        return follow::began(session, "change of labels", &work);
    }
    follow::report(session, &follow::to_end(session, watch, &work).await?)
}

async fn show(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
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
