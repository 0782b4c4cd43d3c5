//! `homeport settings`

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::{Session, api, output};
use crate::command::Remote;

/// The one setting that people change while Homeport runs.
const RETENTION: &str = "history_retention_days";

/// Which setting, and what it becomes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The setting [default: history_retention_days, days after which history is forgotten, 0 for never]
    key: Option<String>,
    /// What it shall be; without, it is shown
    value: Option<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Shows a setting, or changes it.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let path = format!("/api/settings/{}", api::encode(arguments.key.as_deref().unwrap_or(RETENTION)));
    let document = match &arguments.value {
        None => session.api.get(&path).await?,
        Some(value) => {
            session.api.data(session.api.request(Method::PUT, &path).json(&json!({ "value": value }))).await?
        }
    };
    if session.json {
        return output::json(&document);
    }
    let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    Ok(output::text(&format!("{} = {}", text("key"), text("value")))?)
}
