//! `homeport scripts`

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Session, api, output, table::render};
use crate::command::Remote;

/// What to do with them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    remote: Remote,
}

/// What to do with one of them.
#[derive(Debug, Subcommand)]
enum Command {
    /// Have a script asked before a container is updated or restarted, unless its label names another
    Assign(Assign),
    /// Have none asked any more
    Unassign(Unassign),
}

/// Which script for which container.
#[derive(Debug, Args)]
struct Assign {
    /// The container
    container: String,
    /// The script, from the directory of scripts
    script: String,
    #[command(flatten)]
    remote: Remote,
}

/// Which container.
#[derive(Debug, Args)]
struct Unassign {
    /// The container
    container: String,
    #[command(flatten)]
    remote: Remote,
}

impl Arguments {
    pub(crate) const fn remote(&self) -> &Remote {
        match &self.command {
            Some(Command::Assign(assign)) => &assign.remote,
            Some(Command::Unassign(unassign)) => &unassign.remote,
            None => &self.remote,
        }
    }
}

/// Shows the scripts and for which containers they are, or changes that.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let document = match &arguments.command {
        None => return list(session).await,
        Some(Command::Assign(Assign { container, script, .. })) => {
            let body = json!({ "container_name": container, "script_path": script });
            session.api.post("/api/scripts/assign", &body).await?
        }
        Some(Command::Unassign(Unassign { container, .. })) => {
            let path = format!("/api/scripts/assign/{}", api::encode(container));
            session.api.data(session.api.request(Method::DELETE, &path)).await?
        }
    };
    if session.json {
        return output::json(&document);
    }
    Ok(output::text(document["message"].as_str().unwrap_or_default())?)
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let mut document = session.api.get("/api/scripts").await?;
    let assigned = session.api.get("/api/scripts/assigned").await?;
    if session.json {
        document["assignments"] = assigned["assignments"].clone();
        return output::json(&document);
    }
    let rows = rows(&document, &assigned);
    if rows.is_empty() {
        output::note("There are no scripts; they are the *.sh files of the directory of scripts");
        return Ok(());
    }
    Ok(output::text(&render(["SCRIPT", "ASKED FOR", "REMARK"], rows))?)
}

/// A row for each script and each assignment, also of a script that is not there any more.
fn rows(scripts: &Value, assigned: &Value) -> Vec<[String; 3]> {
    let list = |document: &Value, key: &str| document[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let scripts = list(scripts, "scripts");
    let mut left: Vec<(String, String)> = list(assigned, "assignments")
        .iter()
        .map(|one| (text(one, "script_path"), text(one, "container_name")))
        .collect();
    let mut rows = Vec::new();
    for script in &scripts {
        let names = [text(script, "relative_path"), text(script, "path")];
        let (of_it, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|(path, _)| names.contains(path));
        left = others;
        let containers: Vec<String> = of_it.into_iter().map(|(_, container)| container).collect();
        let remark = if script["executable"] == true { "" } else { "not executable" };
        let [name, _] = names;
        rows.push([
            name,
            if containers.is_empty() { "-".to_owned() } else { containers.join(", ") },
            remark.to_owned(),
        ]);
    }
    rows.extend(left.into_iter().map(|(path, container)| [path, container, "missing".to_owned()]));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_for_whom() {
        let scripts = json!({ "scripts": [
            { "relative_path": "ask.sh", "path": "/scripts/ask.sh", "executable": true },
            { "relative_path": "b/old.sh", "path": "/scripts/b/old.sh", "executable": false },
        ] });
        let assigned = json!({ "assignments": [
            { "container_name": "web", "script_path": "ask.sh" },
            { "container_name": "db", "script_path": "/scripts/ask.sh" },
            { "container_name": "x", "script_path": "gone.sh" },
        ] });
        let expected = [["ask.sh", "web, db", ""], ["b/old.sh", "-", "not executable"], ["gone.sh", "x", "missing"]];
        assert_eq!(rows(&scripts, &assigned), expected.map(|row| row.map(str::to_owned)));
    }
}
