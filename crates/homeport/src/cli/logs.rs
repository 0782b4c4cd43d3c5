//! `homeport logs`

use std::io::{self, Write as _};

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use reqwest::Method;

use super::{Session, api, output, time::parse_duration};
use crate::command::Remote;

/// Whose log, and which part of it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The container
    container: String,
    /// Go on with what is printed from now on
    #[arg(short, long, conflicts_with = "json")]
    follow: bool,
    /// Lines from the end, or all
    #[arg(short = 'n', long, default_value = "100", value_parser = tail)]
    tail: String,
    /// Only what was printed since: a time such as 2026-07-23T09:46:40Z, or how long ago, such as 10m
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<String>,
    /// Only what was printed until then, written in the same ways
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
    /// Begin each line with its time
    #[arg(short, long)]
    timestamps: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Prints it as it was printed.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let path = path(arguments);
    if !arguments.follow {
        let document = session.api.get(&path).await?;
        if session.json {
            return output::json(&document);
        }
        let Some(text) = document["logs"].as_str() else { bail!("the answer holds no log") };
        return if text.is_empty() { Ok(()) } else { Ok(output::text(text)?) };
    }
    let mut answer = session.api.send(session.api.endless_request(Method::GET, &path)).await?;
    while let Some(chunk) = answer.chunk().await? {
        let mut out = io::stdout().lock();
        out.write_all(&chunk)?;
        out.flush()?;
    }
    Ok(())
}

fn path(arguments: &Arguments) -> String {
    let text =
        |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={}", api::encode(value)));
    let flag = |name: &str, is_set: bool| is_set.then(|| format!("{name}=true"));
    let query = [
        Some(format!("tail={}", arguments.tail)),
        text("since", &arguments.since),
        text("until", &arguments.until),
        flag("timestamps", arguments.timestamps),
        flag("follow", arguments.follow),
    ];
    let query: Vec<String> = query.into_iter().flatten().collect();
    format!("/api/containers/{}/logs?{}", api::encode(&arguments.container), query.join("&"))
}

fn tail(text: &str) -> Result<String, String> {
    if text == "all" || text.parse::<u32>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("give a number of lines, or all".to_owned())
}

fn moment(text: &str) -> Result<String, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.to_string());
    }
    let length = parse_duration(text).map_err(|_| {
        format!("{text:?} is no time; write it like 2026-07-23T09:46:40Z, or like 10m for ten minutes ago")
    })?;
    Timestamp::now().checked_sub(length).map(|time| time.to_string()).map_err(|_| "that is too long ago".to_owned())
}
