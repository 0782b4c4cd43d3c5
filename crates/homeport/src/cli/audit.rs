//! `homeport audit`: the record of what was done.

use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Session, api, output};
use crate::command::Remote;

/// Seconds that the server waits for the next row.
const WAIT: u64 = 25;
/// How long reading the whole record may take.
const VERIFY_LIMIT: Duration = Duration::from_secs(90);
/// Between two attempts to come back.
const RETRY: Duration = Duration::from_secs(1);

/// What is shown.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Go on with what happens from now on
    #[arg(long, short)]
    follow: bool,
    /// How many of the newest rows
    #[arg(long, short = 'n', default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only what this account did, by its id
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Only this, such as user_login or container_stopped
    #[arg(long)]
    action: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// What else there is to do with it.
#[derive(Debug, Subcommand)]
enum Command {
    /// Check that no row was changed, added or removed
    Verify(Verify),
}

/// What has to be there.
#[derive(Debug, Args)]
struct Verify {
    /// A row that has to be in the record, as `verify` printed it before: that nothing was cut off up to it can be told by
    /// what was kept elsewhere alone
    #[arg(long, value_name = "NUMBER:HASH")]
    head: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Arguments {
    pub(crate) const fn remote(&self) -> &Remote {
        match &self.command {
            Some(Command::Verify(verify)) => &verify.remote,
            None => &self.remote,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Rows {
    rows: Vec<Value>,
}

/// A row, as far as a person reads it.
#[derive(Debug, Deserialize)]
struct Row {
    number: i64,
    at: Option<String>,
    who: Who,
    client_address: String,
    action: String,
    path: String,
    target: Target,
    outcome: String,
    status: u32,
}

#[derive(Debug, Deserialize)]
struct Who {
    kind: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    intact: bool,
    rows: u64,
    broken_at: Option<i64>,
    reason: Option<String>,
    head: String,
    head_number: i64,
}

/// Shows the record, or checks it.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(Command::Verify(wanted)) = &arguments.command {
        return verify(session, wanted.head.as_deref()).await;
    }
    let filter = filter(arguments);
    let mut newest = 0;
    let mut rows = fetch(session, &format!("/audit?limit={}{filter}", arguments.limit)).await?;
    rows.reverse();
    for row in rows {
        newest = show(session, &row)?;
    }
    if arguments.follow { follow(session, newest, &filter).await } else { Ok(()) }
}

/// Shows what comes after a row, for ever.
async fn follow(session: &Session, mut newest: i64, filter: &str) -> anyhow::Result<()> {
    loop {
        let path = format!("/audit?after={newest}&limit=1000&wait={WAIT}{filter}");
        match fetch(session, &path).await {
            Ok(rows) => {
                for row in rows {
                    newest = show(session, &row)?;
                }
            }
            Err(error) if error.is_passing() => tokio::time::sleep(RETRY).await,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn verify(session: &Session, head: Option<&str>) -> anyhow::Result<()> {
    let path =
        head.map_or_else(|| "/audit/verify".to_owned(), |head| format!("/audit/verify?head={}", api::encode(head)));
    let request = session.api.endless_request(Method::GET, &path).timeout(VERIFY_LIMIT);
    let document = session.api.raw(request).await?;
    let verdict: Verdict = session.api.typed(&document)?;
    if session.json {
        output::json(&document)?;
        return if verdict.intact { Ok(()) } else { Err(output::Shown.into()) };
    }
    if !verdict.intact {
        let (row, reason) = (verdict.broken_at.unwrap_or_default(), verdict.reason.unwrap_or_default());
        bail!("the record is not what was written, from row {row} on: {reason}");
    }
    let found = head.map_or_else(String::new, |head| format!(", {head} is among them"));
    Ok(output::text(&format!(
        "All {} rows are as they were written{found}; the newest, to be kept elsewhere, is {}:{}",
        verdict.rows, verdict.head_number, verdict.head
    ))?)
}

fn filter(arguments: &Arguments) -> String {
    let part = |name, value: &Option<String>| value.as_ref().map(|value| format!("&{name}={}", api::encode(value)));
    [part("user", &arguments.user), part("action", &arguments.action)].into_iter().flatten().collect()
}

async fn fetch(session: &Session, path: &str) -> Result<Vec<Value>, api::Error> {
    let document = session.api.raw(session.api.request(Method::GET, path)).await?;
    Ok(session.api.typed::<Rows>(&document)?.rows)
}

/// Prints a row, and returns its number.
fn show(session: &Session, document: &Value) -> anyhow::Result<i64> {
    let row: Row = session.api.typed(document)?;
    if session.json {
        output::json_line(document)?;
    } else {
        output::text(&line(&row))?;
    }
    Ok(row.number)
}

fn line(row: &Row) -> String {
    let at = row.at.as_deref().unwrap_or_default();
    let who = match (row.who.name.as_str(), row.who.kind.as_str()) {
        ("", _) => "somebody".to_owned(),
        (name, "user" | "") => name.to_owned(),
        (name, kind) => format!("{kind} {name}"),
    };
    let target = [&row.target.name, &row.target.id, &row.path].into_iter().find(|text| !text.is_empty());
    let target = target.filter(|target| !row.action.ends_with(target.as_str())).map_or("", String::as_str);
    let line =
        format!("{at}  {who} from {}  {} ({})  {} {target}", row.client_address, row.outcome, row.status, row.action);
    // What others wrote must not move the cursor.
    line.trim_end().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(change: &Value, expected: &str) {
        let mut row = json!({
            "number": 1, "at": "2026-07-23T09:46:40.123Z", "client_address": "192.0.2.7", "outcome": "done", "status": 200,
            "who": { "kind": "user", "name": "ada" }, "action": "container_stopped", "path": "/api/containers/web/stop",
            "target": { "kind": "container", "id": "web", "name": "" },
        });
        for (key, value) in change.as_object().unwrap() {
            row[key] = value.clone();
        }
        assert_eq!(line(&serde_json::from_value(row).unwrap()), expected);
    }

    #[test]
    fn lines() {
        let at = "2026-07-23T09:46:40.123Z";
        check(&json!({}), &format!("{at}  ada from 192.0.2.7  done (200)  container_stopped web"));
        let refused = json!({
            "who": { "kind": "", "name": "" }, "action": "GET /status", "path": "/status", "outcome": "refused",
            "status": 401, "target": { "id": "", "name": "" },
        });
        check(&refused, &format!("{at}  somebody from 192.0.2.7  refused (401)  GET /status"));
        let token = json!({ "who": { "kind": "token", "name": "c\u{1b}i" } });
        check(&token, &format!("{at}  token c?i from 192.0.2.7  done (200)  container_stopped web"));
    }
}
