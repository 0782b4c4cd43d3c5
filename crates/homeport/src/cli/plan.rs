//! `homeport plan`

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Session, output};
use crate::command::Remote;

/// A plan asks the engine and the registry, and measures the data.
const PLAN_LIMIT: Duration = Duration::from_secs(660);

/// What is planned.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The containers, by name
    #[arg(required = true)]
    containers: Vec<String>,
    /// The tag to update to; without it what the check recommends
    #[arg(long, value_name = "TAG")]
    to: Option<String>,
    /// As it would be where warnings do not stop it
    #[arg(long)]
    force: bool,
    /// With a trial of the new version on a copy of its data
    #[arg(long)]
    rehearse: bool,
    /// With this script asked first, from the directory of scripts
    #[arg(long, value_name = "PATH")]
    script: Option<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Shows what updates would do, step by step, what they change, and what they take.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { containers, to, force, rehearse, script, .. } = arguments;
    let wish = Wish { to: to.as_deref(), force: *force, rehearse: *rehearse, script: script.as_deref() };
    show(session, containers, &wish).await
}

/// What the update would be asked for with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) to: Option<&'a str>,
    pub(super) force: bool,
    pub(super) rehearse: bool,
    pub(super) script: Option<&'a str>,
}

/// All of them from one look at the engine. One that cannot be updated holds up no other, but the command fails in the end.
pub(super) async fn show(session: &Session, containers: &[String], wish: &Wish<'_>) -> anyhow::Result<()> {
    let Wish { to, force, rehearse, script } = wish;
    let mut body = json!({ "target_version": to, "force": force, "rehearse": rehearse, "script": script });
    if let [only] = containers {
        body["container_name"] = only.as_str().into();
        let document = make(session, "/api/plan", &body).await?;
        return if session.json { output::json(&document) } else { Ok(output::text(&text(&document))?) };
    }
    body["containers"] = containers.into();
    let (mut documents, mut has_failed) = (Vec::new(), false);
    for document in
        make(session, "/api/plan/batch", &body).await?["plans"].as_array_mut().into_iter().flatten().map(Value::take)
    {
        if let Some(error) = document["error"].as_str() {
            has_failed = true;
            output::note(&format!("{}: {error}", document["container_name"].as_str().unwrap_or_default()));
        } else if session.json {
            documents.push(document);
        } else {
            output::text(&format!("{}\n\n", text(&document)))?;
        }
    }
    if session.json {
        output::json(&Value::Array(documents))?;
    }
    if has_failed { Err(output::Shown.into()) } else { Ok(()) }
}

async fn make(session: &Session, path: &str, body: &Value) -> anyhow::Result<Value> {
    let request = session.api.request(Method::POST, path).timeout(PLAN_LIMIT).json(body);
    Ok(session.api.data(request).await?)
}

fn text(document: &Value) -> String {
    document["text"].as_str().unwrap_or_default().to_owned()
}
