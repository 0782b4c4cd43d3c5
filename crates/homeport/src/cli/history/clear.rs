//! `homeport history clear`

use clap::Args;
use reqwest::Method;
use serde_json::json;

use crate::{
    cli::{Session, output},
    command::Remote,
};

/// How much of it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What ended longer ago than this goes; 0 for everything that has ended
    #[arg(long, value_name = "DAYS")]
    older_than: u32,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// Forgets it.
pub(super) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let body = json!({ "older_than_days": arguments.older_than });
    let document = session.api.data(session.api.request(Method::DELETE, "/api/history/clear").json(&body)).await?;
    if session.json {
        return output::json(&document);
    }
    Ok(output::text(&format!("{} entries were forgotten", document["deleted"].as_u64().unwrap_or_default()))?)
}
