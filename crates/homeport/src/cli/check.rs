//! `homeport check`

use std::{slice, time::Duration};

use clap::Args;
use jiff::Timestamp;
use reqwest::Method;

use super::{Session, api, output, status};
use crate::command::Remote;

/// As long as the server lets one wait.
const WAIT: &str = "110s";

/// The wait and the answer after it.
const WAIT_LIMIT: Duration = Duration::from_secs(125);

/// What is checked.
#[derive(Debug, Args)]
pub struct Arguments {
    /// One container, by name; all without it
    container: Option<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Asks the registries anew, and shows what they say.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.container {
        Some(container) => one(session, container).await,
        None => all(session).await,
    }
}

async fn all(session: &Session) -> anyhow::Result<()> {
    let request = session.api.request(Method::POST, &format!("/api/check?wait={WAIT}")).timeout(WAIT_LIMIT);
    let document = session.api.data(request).await?;
    if session.json {
        return output::json(&document);
    }
    let found: api::Status = session.api.typed(&document)?;
    Ok(output::text(&status::view(&found, Timestamp::now()))?)
}

async fn one(session: &Session, container: &str) -> anyhow::Result<()> {
    let path = format!("/api/container/{}/recheck", api::encode(container));
    let document = session.api.data(session.api.request(Method::GET, &path).timeout(WAIT_LIMIT)).await?;
    if session.json {
        return output::json(&document);
    }
    let found: api::Container = session.api.typed(&document)?;
    Ok(output::text(&status::containers_view(slice::from_ref(&found)))?)
}
