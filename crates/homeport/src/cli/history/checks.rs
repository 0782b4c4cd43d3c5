//! `homeport history checks`

use clap::Args;
use jiff::Timestamp;

use crate::{
    cli::{
        Session, api, output,
        table::{or_dash, render},
        time::ago,
    },
    command::Remote,
};

/// How much of it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many, the newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// Shows them.
pub(super) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let document = session.api.get(&format!("/api/history?type=check&limit={}", arguments.limit)).await?;
    if session.json {
        return output::json(&document);
    }
    let found: api::History = session.api.typed(&document)?;
    Ok(output::text(&view(&found, Timestamp::now()))?)
}

fn view(found: &api::History, now: Timestamp) -> String {
    if found.history.is_empty() {
        return "Nothing was checked yet\n".to_owned();
    }
    let rows = found.history.iter().map(|check| {
        [
            check.timestamp.map_or_else(|| or_dash(None), |at| ago(at, now)),
            check.container_name.clone(),
            check.status.replace('_', " "),
            or_dash(check.current_version.as_deref()),
            or_dash(check.latest_version.as_deref()),
            check.error.clone().unwrap_or_default(),
        ]
    });
    render(["WHEN", "CONTAINER", "FOUND", "RUNS", "NEWEST", ""], rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn table() {
        let found = json!({ "history": [
            { "timestamp": "2027-01-15T06:00:00.123Z", "container_name": "web", "status": "update_available",
              "current_version": "1.22.1", "latest_version": "1.26.3" },
            { "container_name": "db", "status": "failed", "error": "the registry does not answer" },
        ] });
        let text = view(&serde_json::from_value(found).unwrap(), Timestamp::constant(1_800_000_000, 0));
        insta::assert_snapshot!(text, @r"
        WHEN     CONTAINER  FOUND             RUNS    NEWEST
        1 h ago  web        update available  1.22.1  1.26.3
        –        db         failed            –       –       the registry does not answer
        ");
        assert_eq!(view(&api::History::default(), Timestamp::UNIX_EPOCH), "Nothing was checked yet\n");
    }
}
