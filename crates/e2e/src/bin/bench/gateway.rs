//! The way to a plugin beside nginx and haproxy, and how many clients may stay.

mod idle;
mod load;
mod peers;
mod requests;
mod streams;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Stack, root, until_ok};
use serde_json::json;

use crate::figures::row;

/// Where the proxies run, and where the load and the server behind them.
const PROXY_CORE: &str = "0";
const OTHER_CORE: &str = "1";

/// As many clients as the figures need, and one worker for the one core.
const SETTINGS: [(&str, &str); 6] = [
    ("HOMEPORT_GATEWAY__HTTP__MAX_CONNECTIONS", "30000"),
    ("HOMEPORT_GATEWAY__EVENTS__MAX_CLIENTS", "30000"),
    ("HOMEPORT_GATEWAY__EVENTS__MAX_HANDSHAKES", "30000"),
    ("HOMEPORT_GATEWAY__HTTP__HEADER_TIMEOUT_MS", "600000"),
    ("HOMEPORT_GATEWAY__HTTP__WORKERS", "1"),
    ("HOMEPORT_LOG_FORMAT", "json"),
];

/// One thing that is measured, and its name on the command line.
type Part = (&'static str, fn(&Bench) -> anyhow::Result<()>);

/// What is measured, in this order, unless one is named.
const PARTS: [Part; 4] = [
    ("requests", requests::measure),
    ("check", |bench| check_time(&bench.stack)),
    ("idle", |bench| idle::measure(&bench.stack)),
    ("streams", |bench| streams::measure(&bench.stack)),
];

/// What all parts need.
struct Bench {
    directory: PathBuf,
    /// Of the plugin.
    socket: PathBuf,
    stack: Stack,
}

pub(crate) fn measure(only: Option<&str>) -> anyhow::Result<()> {
    let directory = root().join("target/e2e").join(format!("bench-gateway-{}", std::process::id()));
    let socket = directory.join("state/plugins/bench/socket");
    std::fs::create_dir_all(socket.parent().context("it has one")?)?;
    let _upstream = peers::upstream(&directory, &socket, OTHER_CORE)?;
    let stack = Stack::over(&directory, &format!("unix://{}", directory.join("engine.sock").display()), &SETTINGS)?;
    list(&directory)?;
    until_ok("the plugin is served", Duration::from_secs(5), || {
        let (status, _) = stack.request(reqwest::Method::GET, "/plugins/bench/x", None)?;
        ensure!(status == 200, "{status}");
        Ok(())
    })?;
    pin(&stack)?;
    let bench = Bench { directory, socket, stack };
    for (_, part) in PARTS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        part(&bench)?;
    }
    Ok(())
}

fn list(directory: &Path) -> anyhow::Result<()> {
    let entry = json!({ "Name": "bench", "URI": "bench", "UnixPath": "/state/plugins/bench/socket", "Enabled": true });
    std::fs::write(directory.join("configs/base/api.json"), json!({ "Plugins": [entry] }).to_string())?;
    Ok(())
}

fn pin(stack: &Stack) -> anyhow::Result<()> {
    let gateway = stack.process_id("gateway").context("the gateway does not run")?.to_string();
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", PROXY_CORE, &gateway]).output()?;
    ensure!(pinned.status.success(), "taskset: {}", String::from_utf8_lossy(&pinned.stderr));
    Ok(())
}

/// What a request takes that the gateway answers by itself, with and without a credential, and the part of it that is the
/// check: both as a client sees them and as the gateway itself counted them for all requests so far.
fn check_time(stack: &Stack) -> anyhow::Result<()> {
    let client = reqwest::blocking::Client::new();
    let time = |path: &str, token: Option<&str>| -> anyhow::Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..500 {
            let mut request = client.get(format!("{}{path}", stack.url()));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let start = Instant::now();
            request.send()?.bytes()?;
            times.push(start.elapsed());
        }
        crate::figures::median(&times).context("there are some")
    };
    let (open, checked) = (time("/healthz", None)?, time("/status", Some(&stack.token()))?);
    let text = format!("{} µs with a token, {} µs without", checked.as_micros(), open.as_micros());
    row("one request at a time of the gateway's own, median", &text, "–");
    let (_, metrics) = stack.request(reqwest::Method::GET, "/metrics", None)?;
    let (count, median) = decisions(metrics.as_str().context("metrics are text")?)?;
    let text = format!("median {median:.1} µs of {count} decisions");
    row("token check, from reading the request to the decision, as the gateway counts it", &text, "median 20 µs");
    Ok(())
}

/// How many decisions were remembered ones, and their median in microseconds, taken as even within a bucket.
fn decisions(metrics: &str) -> anyhow::Result<(f64, f64)> {
    const BUCKET: &str = "homeport_credential_decision_seconds_bucket{remembered=\"yes\",le=\"";
    let buckets: Vec<(f64, f64)> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(BUCKET)?.split_once("\"} "))
        .filter_map(|(limit, count)| Some((limit.parse::<f64>().ok()? * 1e6, count.parse().ok()?)))
        .collect();
    let (_, count) = *buckets.last().context("the gateway counts no decisions")?;
    let (mut begin, mut before) = (0.0, 0.0);
    for (end, until) in buckets {
        if until >= count / 2.0 {
            return Ok((count, begin + (end - begin) * (count / 2.0 - before) / (until - before).max(1.0)));
        }
        (begin, before) = (end, until);
    }
    anyhow::bail!("the gateway counts decisions in no order")
}
