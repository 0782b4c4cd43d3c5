//! The way to a plugin beside nginx and haproxy, and how many clients may stay.

mod idle;
mod peers;
mod streams;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Stack, root, until_ok};
use serde_json::json;

use crate::{
    figures::{range, row},
    process::cpu_time,
};

/// Times that each proxy is measured, in turns: many short ones, as the machine is not the same from one second to the next.
const ROUNDS: usize = 15;
/// Seconds that each load is put on.
const SECONDS: &str = "2";
/// Connections at a time.
const CONNECTIONS: &str = "64";
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

/// What one load measured.
#[derive(Debug, Clone, Copy)]
struct Load {
    requests: f64,
    p99_ms: f64,
    /// Processor time that the proxy took for each.
    cpu_us: f64,
}

/// One thing that is measured, and its name on the command line.
type Part = (&'static str, fn(&Bench) -> anyhow::Result<()>);

/// What is measured, in this order, unless one is named.
const PARTS: [Part; 4] = [
    ("requests", requests),
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

fn requests(Bench { directory, socket, stack }: &Bench) -> anyhow::Result<()> {
    let nginx = peers::nginx(directory, socket, PROXY_CORE, "")?;
    let telling = peers::nginx(directory, socket, PROXY_CORE, peers::SAME_HEADS)?;
    let haproxy = peers::haproxy(directory, socket, PROXY_CORE)?;
    let gateway = stack.process_id("gateway").context("the gateway does not run")?;
    let contenders = [
        ("nginx", format!("http://127.0.0.1:{}", nginx.port), nginx.worker()?),
        ("haproxy", format!("http://127.0.0.1:{}", haproxy.port), haproxy.worker()?),
        ("nginx with Homeport's headers", format!("http://127.0.0.1:{}", telling.port), telling.worker()?),
        ("Homeport", stack.url(), gateway),
    ];
    let mut measured: [Vec<Load>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (loads, (_, url, process)) in measured.iter_mut().zip(&contenders) {
            loads.push(load(&format!("{url}/plugins/bench/x"), &stack.token(), *process)?);
        }
    }
    let of = |loads: &[Load], value: fn(&Load) -> f64| loads.iter().map(value).collect::<Vec<f64>>();
    for ((name, ..), loads) in contenders.iter().zip(&measured) {
        let rate = range(&of(loads, |load| load.requests), 0, "/s");
        row(&format!("requests through a plugin's path, {CONNECTIONS} connections, 1 KiB, {name}"), &rate, "–");
    }
    for ((name, ..), loads) in contenders.iter().zip(&measured) {
        let text = range(&of(loads, |load| load.cpu_us), 1, " µs");
        row(&format!("processor time of each of these, {name}"), &text, "–");
    }
    for ((name, ..), loads) in contenders.iter().zip(&measured) {
        row(&format!("p99 of these, {name}"), &range(&of(loads, |load| load.p99_ms), 2, " ms"), "–");
    }
    let [nginx, _, telling, homeport] = &measured;
    let beside = |peer: &[Load], value: fn(&Load) -> f64| {
        let ratios = homeport.iter().zip(peer).map(|(ours, theirs)| value(ours) / value(theirs));
        range(&ratios.collect::<Vec<_>>(), 2, " times")
    };
    row("Homeport's rate beside nginx's of the same seconds", &beside(nginx, |load| load.requests), "1");
    // The load has one core for itself and the plugin, and is the slower one with longer heads.
    row("the same beside nginx with Homeport's headers", &beside(telling, |load| load.requests), "1");
    row("what a core's whole second would serve, beside nginx's", &beside(nginx, |load| load.cpu_us.recip()), "1");
    row("Homeport's p99 beside nginx's of the same seconds", &beside(nginx, |load| load.p99_ms), "1.1 times");
    row("the same beside nginx with Homeport's headers", &beside(telling, |load| load.p99_ms), "1.1 times");
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

fn load(url: &str, token: &str, process: u32) -> anyhow::Result<Load> {
    let before = cpu_time(process)?;
    let mut command = Command::new("taskset");
    command.args(["-c", OTHER_CORE, "wrk", "--latency", "-t", "1", "-c", CONNECTIONS, "-d", SECONDS]);
    command.args(["-H", &format!("Authorization: Bearer {token}"), url]);
    let output = command.output().context("starting wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(!text.contains("Non-2xx"), "not every answer was good:\n{text}");
    let said = |words: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(words))
            .map(str::trim)
            .with_context(|| format!("wrk said\n{text}"))
    };
    let spent = cpu_time(process)?.saturating_sub(before).as_secs_f64() * 1e6;
    // `355123 requests in 4.00s, 412.51MB read`
    let count = text.lines().find_map(|line| line.trim().split_once(" requests in ")).context("wrk counts them")?.0;
    Ok(Load {
        requests: said("Requests/sec:")?.parse()?,
        p99_ms: milliseconds(said("99%")?)?,
        cpu_us: spent / count.parse::<f64>()?,
    })
}

/// `1.23ms`, `456.00us` or `1.20s`.
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1.0)
    } else {
        (text.trim_end_matches('s'), 1000.0)
    };
    Ok(number.parse::<f64>()? * factor)
}
