//! `homeport start`, `stop`, `restart`, `pause`, `unpause`, `kill`, `remove`

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Session, api, output};
use crate::command::Remote;

/// Longer than the longest grace period and all that the engine needs beside it.
pub(crate) const LIMIT: Duration = Duration::from_secs(330);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Restart,
    Pause,
    Unpause,
    Kill,
    Remove,
}

/// To which containers.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which containers
    #[arg(required = true, value_name = "CONTAINER")]
    names: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// To which containers, and how patiently.
#[derive(Debug, Args)]
pub struct Stopping {
    #[command(flatten)]
    pub(crate) what: Arguments,
    /// Seconds until a container that does not stop is killed [default: its own]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=240))]
    timeout: Option<u32>,
    /// Also those whose application holds an update lock, which is broken
    #[arg(long)]
    force: bool,
}

/// To which containers, and with what.
#[derive(Debug, Args)]
pub struct Killing {
    #[command(flatten)]
    pub(crate) what: Arguments,
    /// The signal
    #[arg(long, default_value = "SIGKILL")]
    signal: String,
}

/// Which containers go, and what with them.
#[derive(Debug, Args)]
pub struct Removing {
    #[command(flatten)]
    pub(crate) what: Arguments,
    /// Also those that run, or whose application holds an update lock
    #[arg(long)]
    force: bool,
    /// Also the volumes that the engine made for them alone
    #[arg(long)]
    volumes: bool,
}

/// Start or pause them and the like.
pub(crate) async fn run(session: &Session, action: Action, arguments: &Arguments) -> anyhow::Result<()> {
    act(session, action, &arguments.names, &json!({}), "").await
}

/// Stop them.
pub(crate) async fn stop(session: &Session, arguments: &Stopping) -> anyhow::Result<()> {
    let Stopping { what, timeout, force } = arguments;
    let (body, query) = patiently(*timeout, *force);
    act(session, Action::Stop, &what.names, &body, &query).await
}

/// Restart them, and nothing else.
pub(super) async fn restart(
    session: &Session,
    names: &[String],
    timeout: Option<u32>,
    force: bool,
) -> anyhow::Result<()> {
    let (body, query) = patiently(timeout, force);
    act(session, Action::Restart, names, &body, &query).await
}

/// What a request says of several containers, and of one.
fn patiently(timeout: Option<u32>, force: bool) -> (Value, String) {
    let patience = timeout.map(|timeout| format!("timeout={timeout}&")).unwrap_or_default();
    (json!({ "timeout": timeout, "force": force }), format!("?{patience}force={force}"))
}

/// Send them a signal.
pub(crate) async fn kill(session: &Session, arguments: &Killing) -> anyhow::Result<()> {
    let query = format!("?signal={}", api::encode(&arguments.signal));
    act(session, Action::Kill, &arguments.what.names, &json!({}), &query).await
}

/// Remove them.
pub(crate) async fn remove(session: &Session, arguments: &Removing) -> anyhow::Result<()> {
    let Removing { what, force, volumes } = arguments;
    let query = format!("?force={force}&volumes={volumes}");
    act(session, Action::Remove, &what.names, &json!({ "force": force, "volumes": volumes }), &query).await
}

/// One container gets an answer of its own; several that depend on each other are worked on in their order.
async fn act(session: &Session, action: Action, names: &[String], body: &Value, query: &str) -> anyhow::Result<()> {
    if names.len() > 1 && action.is_for_many() {
        return many(session, action, names, body).await;
    }
    let mut documents = Vec::new();
    for name in names {
        let (method, path) = action.request(name);
        let request = session.api.endless_request(method, &format!("{path}{query}")).timeout(LIMIT);
        let document = session.api.data(request).await?;
        if !session.json {
            output::text(&format!("{name} {}", action.done()))?;
        }
        documents.push(document);
    }
    if session.json { output::json(&documents) } else { Ok(()) }
}

async fn many(session: &Session, action: Action, names: &[String], body: &Value) -> anyhow::Result<()> {
    let mut body = body.clone();
    body["containers"] = names.into();
    let path = format!("/api/containers/batch/{}", action.word());
    let request = session.api.endless_request(Method::POST, &path).timeout(LIMIT * 4).json(&body);
    let document = session.api.data(request).await?;
    let batch: api::Acted = session.api.typed(&document)?;
    if session.json {
        output::json(&document)?;
    } else {
        for result in &batch.results {
            let outcome = result.error.as_deref().unwrap_or_else(|| action.done());
            let colon = if result.success { "" } else { ":" };
            output::text(&format!("{}{colon} {outcome}", result.container))?;
        }
    }
    if batch.results.iter().all(|result| result.success) { Ok(()) } else { Err(output::Shown.into()) }
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Kill => "kill",
            Self::Remove => "remove",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Start => "was started",
            Self::Stop => "was stopped",
            Self::Restart => "was restarted",
            Self::Pause => "was paused",
            Self::Unpause => "goes on",
            Self::Kill => "got the signal",
            Self::Remove => "was removed",
        }
    }

    const fn is_for_many(self) -> bool {
        matches!(self, Self::Start | Self::Stop | Self::Restart | Self::Remove)
    }

    fn request(self, name: &str) -> (Method, String) {
        let path = format!("/api/containers/{}", api::encode(name));
        match self {
            Self::Remove => (Method::DELETE, path),
            action => (Method::POST, format!("{path}/{}", action.word())),
        }
    }
}
