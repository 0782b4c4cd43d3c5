//! The way to a plugin beside nginx and haproxy, and how many clients may stay.

mod idle;
mod peers;
mod streams;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Stack, root, until_ok};
use serde_json::json;

use crate::figures::{range, row};

/// Times that each proxy is measured, in turns.
const ROUNDS: usize = 5;
/// Seconds that each load is put on.
const SECONDS: &str = "4";
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
}

pub(crate) fn measure() -> anyhow::Result<()> {
    let directory = root().join("target/e2e").join(format!("bench-gateway-{}", std::process::id()));
    let socket = directory.join("state/plugins/bench/socket");
    std::fs::create_dir_all(socket.parent().context("it has one")?)?;
    let _upstream = peers::upstream(&directory, &socket, OTHER_CORE)?;
    let stack = Stack::over(&directory, &format!("unix://{}", directory.join("engine.sock").display()), &SETTINGS)?;
    list(&directory)?;
    until_ok("the plugin is served", Duration::from_secs(5), || {
        stack.request(reqwest::Method::GET, "/plugins/bench/x", None)
    })?;
    pin(&stack)?;
    requests(&directory, &socket, &stack)?;
    check_time(&stack)?;
    idle::measure(&stack)?;
    streams::measure(&stack)
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

fn requests(directory: &Path, socket: &Path, stack: &Stack) -> anyhow::Result<()> {
    let nginx = peers::nginx(directory, socket, PROXY_CORE)?;
    let haproxy = peers::haproxy(directory, socket, PROXY_CORE)?;
    let contenders = [
        ("nginx", format!("http://127.0.0.1:{}", nginx.port)),
        ("haproxy", format!("http://127.0.0.1:{}", haproxy.port)),
        ("Homeport", stack.url()),
    ];
    let mut measured: [Vec<Load>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (loads, (_, url)) in measured.iter_mut().zip(&contenders) {
            loads.push(load(&format!("{url}/plugins/bench/x"), &stack.token())?);
        }
    }
    let of = |loads: &[Load], value: fn(&Load) -> f64| loads.iter().map(value).collect::<Vec<f64>>();
    for ((name, _), loads) in contenders.iter().zip(&measured) {
        let to_reach = if *name == "Homeport" { "nginx's" } else { "–" };
        let rate = range(&of(loads, |load| load.requests), 0, "/s");
        row(&format!("requests through a plugin's path, {CONNECTIONS} connections, 1 KiB, {name}"), &rate, to_reach);
    }
    for ((name, _), loads) in contenders.iter().zip(&measured) {
        let to_reach = if *name == "Homeport" { "1.1 times nginx's" } else { "–" };
        row(&format!("p99 of these, {name}"), &range(&of(loads, |load| load.p99_ms), 2, " ms"), to_reach);
    }
    Ok(())
}

/// What the token check takes, as one request at a time sees it: with the plugin's answer subtracted there is nothing else.
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
    Ok(())
}

fn load(url: &str, token: &str) -> anyhow::Result<Load> {
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
    Ok(Load { requests: said("Requests/sec:")?.parse()?, p99_ms: milliseconds(said("99%")?)? })
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
