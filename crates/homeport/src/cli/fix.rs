//! `homeport fix-mismatch`

use clap::Args;
use serde_json::json;

use super::{
    Session, api,
    follow::{self, Started, Watch},
};
use crate::command::Remote;

/// Which container.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The container
    container: String,
    /// Ask no script, break update locks, and go on where a warning would stop it
    #[arg(long)]
    force: bool,
    /// Come back at once, while it runs on
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Brings the container to its compose file, or the file to what runs.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { container, force, .. } = arguments;
    let watch = Watch::open(session).await;
    let path = format!("/api/fix-compose-mismatch/{}?force={force}", api::encode(container));
    let document = session.api.post(&path, &json!({})).await?;
    let operation_id = document["operation_id"].as_str().unwrap_or_default().to_owned();
    let work = [Started { operation_id, name: container.clone() }];
    if arguments.no_wait {
        return follow::began(session, "fix", &work);
    }
    follow::report(session, &follow::to_end(session, watch, &work).await?)
}
