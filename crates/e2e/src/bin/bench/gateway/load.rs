//! Load on a proxy: as much as it takes, and as much as it takes with ease.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};

use super::OTHER_CORE;
use crate::{figures::percentile, process::cpu_time};

/// Connections at a time.
pub(super) const CONNECTIONS: u16 = 64;
/// Seconds that each load is put on.
const SECONDS: &str = "2";

/// What a load of as many requests as there can be measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) requests: f64,
    pub(super) p99_ms: f64,
    /// Processor time that the proxy took for each.
    pub(super) cpu_us: f64,
}

/// Requests a second on each connection, where the pace is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace(u32);

impl Pace {
    /// A third of what is served at most: of that much, the time that an answer takes is the proxy's, not a queue's.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is above 0 and below millions")]
    pub(super) fn of(most: Load) -> Self {
        Self((most.requests / 3.0 / f64::from(CONNECTIONS)).max(1.0) as u32)
    }

    /// Requests a second on all of them.
    pub(super) fn together(self) -> u32 {
        self.0 * u32::from(CONNECTIONS)
    }
}

/// Each connection asks again as soon as it has its answer.
pub(super) fn full(url: &str, token: &str, process: u32) -> anyhow::Result<Load> {
    let before = cpu_time(process)?;
    let connections = CONNECTIONS.to_string();
    let text =
        run("wrk", &["--latency", "-t", "1", "-c", &connections, "-d", SECONDS, "-H", &authorization(token), url])?;
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

/// Each connection asks at this pace, whether the last answer came early or late. Gives the time that 99 of 100
/// answers took at most, in milliseconds.
pub(super) fn paced(url: &str, token: &str, pace: Pace, directory: &Path) -> anyhow::Result<f64> {
    let log = directory.join("paced.log");
    // A file of an earlier load is added to.
    if log.exists() {
        std::fs::remove_file(&log)?;
    }
    let (connections, each, file) = (CONNECTIONS.to_string(), pace.0.to_string(), log.display().to_string());
    let mut words = vec!["--h1", "-t", "1", "-c", &connections, "--rps", &each, "-D", SECONDS, "--log-file", &file];
    let header = authorization(token);
    words.extend(["-H", &header, url]);
    run("h2load", &words)?;
    let times = std::fs::read_to_string(&log)?.lines().map(time).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(times.len() > usize::try_from(pace.together())?, "only {} requests were made", times.len());
    Ok(percentile(&times, 0.99).as_secs_f64() * 1e3)
}

/// `beginning<tab>status<tab>microseconds`.
fn time(line: &str) -> anyhow::Result<Duration> {
    let mut parts = line.split('\t').skip(1);
    let (status, time) = parts.next().zip(parts.next()).with_context(|| format!("h2load noted {line}"))?;
    ensure!(status == "200", "an answer was {status}");
    Ok(Duration::from_micros(time.parse()?))
}

fn authorization(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

fn run(program: &str, words: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("taskset");
    let output = command.args(["-c", OTHER_CORE, program]).args(words).output();
    let output = output.with_context(|| format!("starting {program}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} ended with {}: {error}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
