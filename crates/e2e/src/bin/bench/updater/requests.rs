//! How many may ask for the status in a second, from one core of the gateway's.

use std::process::Command;

use anyhow::Context as _;
use homeport_e2e::Stack;

use crate::figures::row;

/// Seconds that each load is put on.
const SECONDS: &str = "5";
/// Connections at a time.
const CONNECTIONS: &str = "16";

pub(super) fn measure(stack: &Stack) -> anyhow::Result<()> {
    let gateway = stack.process_id("gateway").context("the gateway does not run")?.to_string();
    // The gateway on the first core, the load on the second.
    let pinned =
        Command::new("taskset").args(["-a", "-c", "-p", "0", &gateway]).output().context("starting taskset")?;
    anyhow::ensure!(pinned.status.success(), "taskset: {}", String::from_utf8_lossy(&pinned.stderr));
    let tag = entity_tag(stack)?;
    let hit = load(stack, &[&format!("If-None-Match: {tag}")])?;
    let miss = load(stack, &["Accept-Encoding: gzip"])?;
    let plain = load(stack, &[])?;
    row("`GET /api/status` with 300 containers, ETag hit", &format!("{hit:.0}/s"), "20000/s on one core");
    row("the same, ETag miss, compressed", &format!("{miss:.0}/s ({plain:.0}/s uncompressed)"), "2000/s on one core");
    Ok(())
}

fn entity_tag(stack: &Stack) -> anyhow::Result<String> {
    let client = reqwest::blocking::Client::new();
    let answer = client.get(format!("{}/api/status", stack.url())).bearer_auth(stack.token()).send()?;
    Ok(answer.headers().get("etag").context("the status has no ETag")?.to_str()?.to_owned())
}

/// Requests in a second that `wrk` counts.
fn load(stack: &Stack, headers: &[&str]) -> anyhow::Result<f64> {
    let mut command = Command::new("taskset");
    command.args(["-c", "1", "wrk", "-t", "1", "-c", CONNECTIONS, "-d", SECONDS]);
    command.args(["-H", &format!("Authorization: Bearer {}", stack.token())]);
    for header in headers {
        command.args(["-H", header]);
    }
    let output = command.arg(format!("{}/api/status", stack.url())).output().context("starting wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(!text.contains("Non-2xx"), "not every answer was good:\n{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .with_context(|| format!("wrk said\n{text}"))?;
    Ok(line.trim().parse()?)
}
