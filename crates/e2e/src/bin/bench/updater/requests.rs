//! How many may ask for the status in a second, from one core of the gateway's.

use std::{process::Command, time::Instant};

use anyhow::Context as _;
use homeport_e2e::Stack;

use crate::{figures::row, process::cpu_time};

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
    row("`GET /api/status` with 300 containers, ETag hit", &hit.to_string(), "20000/s on one core");
    row("the same, ETag miss, compressed", &miss.to_string(), "2000/s on one core");
    row("the same, uncompressed", &plain.to_string(), "–");
    Ok(())
}

/// What was answered while a load was put on.
struct Answered {
    per_second: f64,
    /// The part of its core that the gateway took for it: with less than the whole, the client was the slower one.
    busy: f64,
}

impl std::fmt::Display for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s, the core {:.0} % busy", self.per_second, self.busy * 100.0)
    }
}

fn entity_tag(stack: &Stack) -> anyhow::Result<String> {
    let client = reqwest::blocking::Client::new();
    let answer = client.get(format!("{}/api/status", stack.url())).bearer_auth(stack.token()).send()?;
    Ok(answer.headers().get("etag").context("the status has no ETag")?.to_str()?.to_owned())
}

/// Requests in a second that `wrk` counts.
fn load(stack: &Stack, headers: &[&str]) -> anyhow::Result<Answered> {
    let gateway = stack.process_id("gateway").context("the gateway does not run")?;
    let mut command = Command::new("taskset");
    command.args(["-c", "1", "wrk", "-t", "1", "-c", CONNECTIONS, "-d", SECONDS]);
    command.args(["-H", &format!("Authorization: Bearer {}", stack.token())]);
    for header in headers {
        command.args(["-H", header]);
    }
    let (used, begun) = (cpu_time(gateway)?, Instant::now());
    let output = command.arg(format!("{}/api/status", stack.url())).output().context("starting wrk")?;
    let busy = cpu_time(gateway)?.saturating_sub(used).as_secs_f64() / begun.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(!text.contains("Non-2xx"), "not every answer was good:\n{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .with_context(|| format!("wrk said\n{text}"))?;
    Ok(Answered { per_second: line.trim().parse()?, busy })
}
