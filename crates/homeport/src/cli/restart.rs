//! `homeport restart`: containers by hand, or a container or a stack with all that depends on it.

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::{
    Session, action, api,
    follow::{self, Started, Watch},
};
use crate::command::Remote;

/// What is restarted, and what with it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which containers
    #[arg(required_unless_present = "stack", value_name = "CONTAINER")]
    names: Vec<String>,
    /// Containers of this compose project in the order of their dependencies: those named, else all that run
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// Each with what depends on it, after their scripts were asked
    #[arg(long, conflicts_with = "stack")]
    dependents: bool,
    /// Ask no script, and break update locks
    #[arg(long)]
    force: bool,
    /// Come back at once, while it runs on; only with --stack or --dependents
    #[arg(long)]
    no_wait: bool,
    /// Seconds until a container that does not stop is killed [default: its own]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=240))]
    timeout: Option<u32>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Restarts them.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { names, stack, dependents, force, .. } = arguments;
    if stack.is_none() && !dependents {
        return action::restart(session, names, arguments.timeout, *force).await;
    }
    let watch = Watch::open(session).await;
    let mut started = Vec::new();
    if let Some(stack) = stack {
        let names = if names.is_empty() { of_stack(session, stack).await? } else { names.clone() };
        let path = format!("/api/restart/stack/start/{}?force={force}", api::encode(stack));
        started.push((stack.clone(), session.api.post(&path, &json!({ "containers": names })).await?));
    } else {
        for name in names {
            let path = format!("/api/restart/start/{}?force={force}", api::encode(name));
            started.push((name.clone(), session.api.post(&path, &json!({})).await?));
        }
    }
    let work: Vec<Started> = started
        .into_iter()
        .map(|(name, document)| {
            let operation_id = document["operation_id"].as_str().unwrap_or_default().to_owned();
            Started { operation_id, name }
        })
        .collect();
    if arguments.no_wait {
        return follow::began(session, "restart", &work);
    }
    follow::report(session, &follow::to_end(session, watch, &work).await?)
}

/// Those of a stack that run.
async fn of_stack(session: &Session, stack: &str) -> anyhow::Result<Vec<String>> {
    let document = session.api.get("/api/explorer").await?;
    let explorer: api::Explorer = session.api.typed(&document)?;
    let is_meant = |item: &&api::Item| item.stack.as_deref() == Some(stack) && item.state == "running";
    let names: Vec<String> = explorer.containers.iter().filter(is_meant).map(|item| item.name.clone()).collect();
    if names.is_empty() {
        bail!("nothing of the stack {stack} runs");
    }
    Ok(names)
}
