//! `homeport history`

mod checks;
mod clear;
mod show;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{
    Session, api, output,
    table::{or_dash, render, short_id},
    time::ago,
};
use crate::command::Remote;

/// What is shown.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this container
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// Only of this kind: updates, rollback, restart, label_change, fix_mismatch, start, stop, remove …
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only in this state: queued, in_progress, pending_restart, complete or failed; both that ended without it
    #[arg(long, value_name = "STATE")]
    status: Option<String>,
    /// How many, the newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(flatten)]
    remote: Remote,
}

/// What else there is to look back at.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything about one operation
    Show(show::Arguments),
    /// Show what checks found, where that had changed
    Checks(checks::Arguments),
    /// Forget what ended long ago; what keeps a way back stays
    Clear(clear::Arguments),
}

impl Arguments {
    pub(crate) const fn remote(&self) -> &Remote {
        match &self.command {
            Some(Command::Show(show)) => &show.remote,
            Some(Command::Checks(checks)) => &checks.remote,
            Some(Command::Clear(clear)) => &clear.remote,
            None => &self.remote,
        }
    }
}

/// Shows what was done, or does what its own commands say.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        None => list(session, arguments).await,
        Some(Command::Show(wanted)) => show::run(session, wanted).await,
        Some(Command::Checks(wanted)) => checks::run(session, wanted).await,
        Some(Command::Clear(wanted)) => clear::run(session, wanted).await,
    }
}

async fn list(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { container, kind, status, limit, .. } = arguments;
    let mut path = format!("/api/operations?limit={limit}");
    for (name, value) in [("container", container), ("type", kind), ("status", status)] {
        if let Some(value) = value {
            path.extend(["&", name, "=", &api::encode(value)]);
        }
    }
    let document = session.api.get(&path).await?;
    if session.json {
        return output::json(&document);
    }
    let page: api::Operations = session.api.typed(&document)?;
    Ok(output::text(&view(&page, Timestamp::now()))?)
}

fn view(page: &api::Operations, now: Timestamp) -> String {
    if page.operations.is_empty() {
        return "Nothing was done yet\n".to_owned();
    }
    let rows = page.operations.iter().map(|operation| {
        [
            short_id(&operation.operation_id).to_owned(),
            operation.started_at.or(operation.created_at).map_or_else(|| or_dash(None), |at| ago(at, now)),
            operation.container_name.clone(),
            kind(operation).to_owned(),
            versions(operation.old_version.as_deref(), operation.new_version.as_deref()),
            outcome(operation).to_owned(),
            operation.error_message.clone().unwrap_or_default(),
        ]
    });
    let mut text = render(["ID", "WHEN", "CONTAINER", "WHAT", "VERSION", "OUTCOME", ""], rows);
    if page.has_more {
        text.push_str("\nThere are more; --limit shows them\n");
    }
    text
}

fn kind(operation: &api::Operation) -> &str {
    match operation.operation_type.as_str() {
        "single" | "batch" | "stack" => "update",
        other => other,
    }
}

/// From what to what.
pub(super) fn versions(old: Option<&str>, new: Option<&str>) -> String {
    match (old, new) {
        (Some(old), Some(new)) if !old.is_empty() && !new.is_empty() => format!("{old} → {new}"),
        (_, new) => or_dash(new),
    }
}

/// What came of it, in a word or two.
pub(super) fn outcome(operation: &api::Operation) -> &str {
    match (operation.status.as_str(), operation.rollback_occurred) {
        ("complete", _) if !operation.is_success() => "done in part",
        ("complete", false) => "done",
        ("complete", true) => "done, rolled back later",
        ("failed", true) => "failed, rolled back",
        ("in_progress" | "validating", _) => "running",
        (other, _) => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn every_outcome() {
        let operation = |kind: &str, status: &str, rolled_back: bool, message: &str| {
            json!({
                "operation_id": "0b8f6c52-7f0e-4c39-8a9d-0a0e3a2f4c11", "container_name": "web", "operation_type": kind,
                "status": status, "old_version": "1.22.1", "new_version": "1.26.3", "rollback_occurred": rolled_back,
                "started_at": "2027-01-15T06:00:00.123Z", "error_message": message,
            })
        };
        let page = json!({
            "operations": [
                operation("single", "complete", false, ""),
                operation("single", "complete", true, ""),
                operation("batch", "failed", true, "the new version did not become healthy: exited with code 1"),
                operation("rollback", "complete", false, ""),
                operation("single", "failed", false, "the registry does not answer"),
                json!({ "operation_id": "short", "container_name": "db", "operation_type": "single", "status": "queued" }),
            ],
            "has_more": true,
        });
        let text = view(&serde_json::from_value(page).unwrap(), NOW);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn nothing() {
        assert_eq!(view(&api::Operations::default(), NOW), "Nothing was done yet\n");
    }
}
