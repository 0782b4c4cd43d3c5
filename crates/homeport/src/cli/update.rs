//! `homeport update`

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::{
    Session, api,
    follow::{self, Started, Watch},
    output, plan,
};
use crate::command::Remote;

/// What is updated, and how.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false, args = ["containers", "all"])]
pub struct Arguments {
    /// The containers, by name
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Every container that the last check found an update for
    #[arg(long)]
    all: bool,
    /// The tag to update to; without it what the check recommends
    #[arg(long, value_name = "TAG", requires = "containers", conflicts_with = "all")]
    to: Option<String>,
    /// Go on where a warning would stop it
    #[arg(long)]
    force: bool,
    /// Try the new version without network on a copy of its data first
    #[arg(long)]
    rehearse: bool,
    /// Only if it is still the plan with this hash, as `homeport plan` shows it
    #[arg(long, value_name = "HASH", requires = "containers", conflicts_with = "all")]
    plan_hash: Option<String>,
    /// The script to ask first, from the directory of scripts; without it that of the label, or the assigned one
    #[arg(long, value_name = "PATH", requires = "containers", conflicts_with = "all")]
    script: Option<String>,
    /// Only show what would be done, step by step
    #[arg(long, requires = "containers", conflicts_with_all = ["all", "no_wait"])]
    plan: bool,
    /// Come back at once, while the update runs on
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Updates, and waits for the end.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { containers, to, force, rehearse, script, .. } = arguments;
    if arguments.plan {
        let wish = plan::Wish { to: to.as_deref(), force: *force, rehearse: *rehearse, script: script.as_deref() };
        return plan::show(session, containers, &wish).await;
    }
    match containers.as_slice() {
        [] => all(session, arguments).await,
        [container] => one(session, container, arguments).await,
        names => several(session, names, arguments).await,
    }
}

async fn several(session: &Session, names: &[String], arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.to.is_some() || arguments.plan_hash.is_some() || arguments.script.is_some() {
        bail!("--to, --plan-hash and --script are for one container");
    }
    let Arguments { force, rehearse, .. } = arguments;
    let item = |name: &String| json!({ "name": name, "force": force, "rehearse": rehearse });
    batch(session, &names.iter().map(item).collect::<Vec<_>>(), arguments).await
}

async fn one(session: &Session, container: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let watch = Watch::open(session).await;
    let mut body = json!({ "container_name": container, "target_version": arguments.to, "force": arguments.force });
    if arguments.rehearse {
        body["rehearse"] = true.into();
    }
    if let Some(script) = &arguments.script {
        body["script"] = script.as_str().into();
    }
    if let Some(hash) = &arguments.plan_hash {
        body["plan_hash"] = hash.as_str().into();
    }
    let document = session.api.post("/api/update", &body).await?;
    let started: api::UpdateStarted = session.api.typed(&document)?;
    if arguments.no_wait {
        let id = &started.operation_id;
        let text = format!("{}: update to {} began, operation {id}", started.container_name, started.target_version);
        return if session.json { output::json(&document) } else { Ok(output::text(&text)?) };
    }
    let work = [Started { operation_id: started.operation_id, name: started.container_name }];
    follow::report(session, &follow::to_end(session, watch, &work).await?)
}

async fn all(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let status: api::Status = session.api.typed(&session.api.get("/api/status").await?)?;
    if status.last_background_run.is_none() {
        bail!("nothing was checked yet; run `homeport check` first");
    }
    let wanted = status.containers.iter().filter(|container| is_wanted(container, arguments.force));
    let wanted: Vec<Value> = wanted.map(|container| item(container, arguments)).collect();
    if wanted.is_empty() {
        return if session.json { output::json(&json!([])) } else { Ok(output::text("Everything is up to date")?) };
    }
    batch(session, &wanted, arguments).await
}

async fn batch(session: &Session, wanted: &[Value], arguments: &Arguments) -> anyhow::Result<()> {
    let watch = Watch::open(session).await;
    let document = session.api.post("/api/update/batch", &json!({ "containers": wanted })).await?;
    let batch: api::BatchStarted = session.api.typed(&document)?;
    let (started, refused) = sort(batch);
    for line in &refused {
        output::note(line);
    }
    if arguments.no_wait {
        let text = started.iter().map(|work| format!("{}: update began, operation {}\n", work.name, work.operation_id));
        if session.json { output::json(&document)? } else { output::text(&text.collect::<String>())? }
    } else if !started.is_empty() {
        follow::report(session, &follow::to_end(session, watch, &started).await?)?;
    }
    if refused.is_empty() { Ok(()) } else { Err(output::Shown.into()) }
}

/// What began, and a line for each that did not.
fn sort(batch: api::BatchStarted) -> (Vec<Started>, Vec<String>) {
    let (mut started, mut refused) = (Vec::new(), Vec::new());
    for operation in batch.operations {
        let name = operation.containers.join(", ");
        match operation.operation_id.filter(|id| !id.is_empty()) {
            Some(operation_id) => started.push(Started { operation_id, name }),
            None => refused.push(format!("{name}: did not begin: {}", operation.error.unwrap_or_default())),
        }
    }
    (started, refused)
}

/// One that a warning holds back is only taken by force.
fn is_wanted(container: &api::Container, force: bool) -> bool {
    match container.status.as_str() {
        "UPDATE_AVAILABLE" => true,
        "UPDATE_AVAILABLE_BLOCKED" => force,
        _ => false,
    }
}

fn item(container: &api::Container, arguments: &Arguments) -> Value {
    json!({
        "name": container.container_name,
        "target_version": container.latest_version,
        "stack": container.stack,
        "force": arguments.force,
        "rehearse": arguments.rehearse,
        "change_type": container.change_type,
        "old_resolved_version": container.current_version,
        "new_resolved_version": container.latest_resolved_version,
    })
}
