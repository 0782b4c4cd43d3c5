//! `homeport containers`

use clap::Args;
use jiff::Timestamp;

use super::{
    Session, api, output,
    table::{or_dash, render},
    time::ago,
};
use crate::command::Remote;

/// What is shown.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only those of this compose project
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Shows the containers, running or not.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let document = session.api.get("/api/explorer").await?;
    if session.json {
        return output::json(&document["containers"]);
    }
    let mut explorer: api::Explorer = session.api.typed(&document)?;
    if arguments.stack.is_some() {
        explorer.containers.retain(|container| container.stack == arguments.stack);
    }
    Ok(output::text(&view(&explorer.containers, Timestamp::now()))?)
}

fn view(containers: &[api::Item], now: Timestamp) -> String {
    if containers.is_empty() {
        return "There are no containers\n".to_owned();
    }
    let rows = containers.iter().map(|container| {
        [
            container.name.clone(),
            or_dash(container.stack.as_deref()),
            container.image.clone(),
            match container.health_status.as_str() {
                "" | "none" => container.state.clone(),
                health => format!("{} ({health})", container.state),
            },
            Timestamp::from_second(container.created).map_or_else(|_| or_dash(None), |at| ago(at, now)),
            container.networks.join(" "),
        ]
    });
    render(["CONTAINER", "STACK", "IMAGE", "STATE", "CREATED", "NETWORKS"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn containers() {
        let containers = serde_json::json!([
            { "name": "web", "stack": "site", "image": "nginx:1.26", "state": "running", "health_status": "healthy",
              "created": 1_799_990_000, "networks": ["front", "back"] },
            { "name": "job", "image": "busybox", "state": "exited", "health_status": "none", "created": 1_799_999_990 },
        ]);
        let containers: Vec<api::Item> = serde_json::from_value(containers).unwrap();
        insta::assert_snapshot!(view(&containers, NOW), @r"
        CONTAINER  STACK  IMAGE       STATE              CREATED   NETWORKS
        web        site   nginx:1.26  running (healthy)  2 h ago   front back
        job        –      busybox     exited             10 s ago
        ");
        assert_eq!(view(&[], NOW), "There are no containers\n");
    }
}
