//! `homeport events`

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{Session, api, output};
use crate::command::Remote;

/// Between two attempts to come back.
const RETRY: Duration = Duration::from_secs(1);

/// Attempts to come back in a row before it is an error.
const RETRIES: u32 = 60;

/// What is shown.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only events whose type begins with this, such as update or check.progress
    #[arg(long, value_name = "PREFIX", default_value = "")]
    topic: String,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Prints events until it is interrupted. What came while the server was away is fetched when it is back.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    // On the bus topics have colons; whoever knows them may write them here as well.
    let prefix = arguments.topic.replace(':', ".");
    let mut stream = session.api.events(None).await?;
    loop {
        while let Some(event) = stream.next().await {
            if event.r#type.starts_with(&prefix) {
                show(session, &event)?;
            }
        }
        stream = come_back(session, stream.last_id()).await?;
    }
}

async fn come_back(session: &Session, last: Option<&str>) -> Result<api::EventStream, api::Error> {
    let mut attempts = 0;
    loop {
        match session.api.events(last).await {
            Err(error) if error.is_passing() && attempts < RETRIES => attempts += 1,
            other => return other,
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn show(session: &Session, event: &api::Event) -> anyhow::Result<()> {
    if session.json { output::json_line(event) } else { Ok(output::text(&line(event))?) }
}

/// The type, and the fields that say something, in the order in which people look for them.
fn line(event: &api::Event) -> String {
    let text = |key: &str| match &event.payload[key] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if key == "progress" || key == "percent" => Some(format!("{number} %")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let percent = text("progress").or_else(|| text("percent"));
    let name = text("container_name").or_else(|| text("stack_name"));
    let said = [name, text("stage"), percent, text("status"), text("message")];
    let said: Vec<String> = said.into_iter().flatten().collect();
    let said = if said.is_empty() { event.payload.to_string() } else { said.join("  ") };
    format!("{}  {said}", event.r#type)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, payload: Value, expected: &str) {
        assert_eq!(line(&api::Event { r#type: kind.to_owned(), payload }), expected);
    }

    #[test]
    fn lines() {
        let progress = json!({
            "operation_id": "x", "container_name": "web", "stage": "pulling_image", "progress": 40, "percent": 40,
            "message": "Pulling nginx:1.26.3", "timestamp": 1,
        });
        check("update.progress", progress, "update.progress  web  pulling_image  40 %  Pulling nginx:1.26.3");
        check(
            "container.updated",
            json!({ "container_name": "web", "status": "updated" }),
            "container.updated  web  updated",
        );
        let other = json!({ "dropped_count": 3 });
        check("system.events_dropped", other, r#"system.events_dropped  {"dropped_count":3}"#);
    }
}
