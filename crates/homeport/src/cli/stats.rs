//! `homeport stats`

use clap::Args;

use super::{Session, api, output, size::size, table::render};
use crate::command::Remote;

/// Whose figures.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The containers
    #[arg(required = true, value_name = "CONTAINER")]
    names: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Shows what they use at this moment.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let mut documents = serde_json::Map::new();
    let mut rows = Vec::new();
    for name in &arguments.names {
        let document = session.api.get(&format!("/api/containers/{}/stats", api::encode(name))).await?;
        rows.push(row(name, &session.api.typed(&document)?));
        documents.insert(name.clone(), document);
    }
    if session.json {
        return output::json(&documents);
    }
    Ok(output::text(&render(["CONTAINER", "CPU", "MEMORY", "OF", "", "RECEIVED", "SENT"], rows))?)
}

fn row(name: &str, stats: &api::Stats) -> [String; 7] {
    [
        name.to_owned(),
        format!("{:.1} %", stats.cpu_percent),
        size(stats.memory_usage),
        size(stats.memory_limit),
        format!("{:.1} %", stats.memory_percent),
        size(stats.network_rx),
        size(stats.network_tx),
    ]
}
