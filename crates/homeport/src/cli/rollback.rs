//! `homeport rollback`

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use super::{
    Session, api,
    follow::{self, Started, Watch},
    output,
    table::{or_dash, render, short_id},
};
use crate::command::Remote;

/// How far back an update is looked for.
const LOOK_BACK: u32 = 100;

/// What is undone.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The update to undo, by its id or the beginning of it; or a container, whose newest update is undone
    #[arg(value_name = "OPERATION|CONTAINER", required_unless_present = "list")]
    what: Option<String>,
    /// Of an update of several containers only these
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
    /// Show which containers have a way back, and undo nothing
    #[arg(long, conflicts_with_all = ["what", "force", "no_wait"])]
    list: bool,
    /// Go on where a warning would stop it
    #[arg(long)]
    force: bool,
    /// Come back at once, while the rollback runs on
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Undoes an update, and waits for the end.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let Some(what) = &arguments.what else { return list(session).await };
    let (operation_id, name) = resolve(session, what).await?;
    let watch = Watch::open(session).await;
    let mut body = json!({ "operation_id": operation_id, "force": arguments.force });
    let path = if arguments.containers.is_empty() {
        "/api/rollback"
    } else {
        body["container_names"] = arguments.containers.clone().into();
        "/api/rollback/containers"
    };
    let document = session.api.post(path, &body).await?;
    let started: api::RollbackStarted = session.api.typed(&document)?;
    if arguments.no_wait {
        let text = format!("{name}: rollback began, operation {}", started.operation_id);
        return if session.json { output::json(&document) } else { Ok(output::text(&text)?) };
    }
    let work = [Started { operation_id: started.operation_id, name }];
    follow::report(session, &follow::to_end(session, watch, &work).await?)
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let document = session.api.get("/api/policies").await?;
    if session.json {
        return output::json(&document["containers"]);
    }
    let ways = document["containers"].as_object().into_iter().flatten();
    let rows: Vec<[String; 3]> = ways.map(|(container, way)| row(container, way)).collect();
    if rows.is_empty() {
        output::note("No container has a way back; an update makes one");
        return Ok(());
    }
    Ok(output::text(&render(["CONTAINER", "BACK TO", "UPDATE"], rows))?)
}

fn row(container: &str, way: &Value) -> [String; 3] {
    let operation = short_id(way["last_operation_id"].as_str().unwrap_or_default());
    [container.to_owned(), or_dash(way["old_version"].as_str()), or_dash(Some(operation))]
}

/// Id of the update that is meant, and the container's name. An update wins over a container of the same name.
async fn resolve(session: &Session, what: &str) -> anyhow::Result<(String, String)> {
    if looks_like_id(what) {
        let page = updates(session, "").await?;
        let mut found = page.operations.into_iter().filter(|operation| operation.operation_id.starts_with(what));
        match (found.next(), found.next()) {
            (Some(operation), None) => return Ok((operation.operation_id, operation.container_name)),
            (Some(_), Some(_)) => bail!("several updates begin with {what}; write more of the id"),
            // A whole id may be older than the page; the server knows.
            (None, _) if what.len() == 36 => return Ok((what.to_owned(), what.to_owned())),
            (None, _) => {}
        }
    }
    let page = updates(session, &format!("&container={}", api::encode(what))).await?;
    let newest = page.operations.into_iter().find(|operation| operation.is_complete() && !operation.rollback_occurred);
    let newest = newest
        .with_context(|| format!("no update of {what} that could be undone; `homeport history` shows what was done"))?;
    Ok((newest.operation_id, newest.container_name))
}

async fn updates(session: &Session, more: &str) -> anyhow::Result<api::Operations> {
    let document = session.api.get(&format!("/api/operations?type=updates&limit={LOOK_BACK}{more}")).await?;
    Ok(session.api.typed(&document)?)
}

/// Whether this is how ids begin.
fn looks_like_id(what: &str) -> bool {
    (6..=36).contains(&what.len()) && what.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert!(looks_like_id("0b8f6c52"));
        assert!(looks_like_id("0b8f6c52-7f0e-4c39-8a9d-0a0e3a2f4c11"));
        for name in ["web", "nginx-1", "cafe", "postgres"] {
            assert!(!looks_like_id(name), "{name}");
        }
    }
}
