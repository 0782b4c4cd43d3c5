//! What a process takes, as the kernel counts it.

use std::time::Duration;

use anyhow::Context as _;

/// Ticks of the kernel's clock in a second, the same on every Linux that Homeport runs on.
const TICKS: u32 = 100;

/// A field of a file in `/proc`, in KiB.
pub(crate) fn kilobytes(path: &str, field: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let line = text.lines().find(|line| line.starts_with(field)).with_context(|| format!("{path} lacks {field}"))?;
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).with_context(|| format!("{line} is no size"))
}

/// Resident memory of a process in MB, and the part of it that is not mapped from files: a program's own pages are shared
/// by all processes that run it, and as many are counted as the kernel found worth mapping.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal place")]
pub(crate) fn memory_megabytes(pid: u32) -> anyhow::Result<(f64, f64)> {
    let path = format!("/proc/{pid}/status");
    let megabytes = |field| kilobytes(&path, field).map(|kilobytes| kilobytes as f64 * 1024.0 / 1e6);
    Ok((megabytes("VmRSS:")?, megabytes("RssAnon:")?))
}

/// Processor time that a process has used, in user mode and in the kernel.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name in brackets may hold anything; what follows it begins with field 3.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let field = |number: usize| fields.split(' ').nth(number - 3).and_then(|text| text.parse::<u32>().ok());
    let ticks = field(14).zip(field(15)).map(|(user, system)| user + system);
    Ok(Duration::from_secs(1) * ticks.with_context(|| format!("{path} has no times"))? / TICKS)
}
