//! What a container uses, out of the engine's two samples.

use std::time::Duration;

use serde_json::Value;

use crate::{document::Document as _, engine::Engine, error::EngineError, name};

/// The engine needs a second or two for its two samples.
const LIMIT: Duration = Duration::from_secs(5);

/// What a container uses at this moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stats {
    /// 100 is one core.
    pub(crate) cpu_percent: f64,
    pub(crate) memory_usage: u64,
    pub(crate) memory_limit: u64,
    pub(crate) memory_percent: f64,
    pub(crate) network_rx: u64,
    pub(crate) network_tx: u64,
}

/// Measures; gives the engine's document too.
pub(crate) async fn measure(engine: &Engine, container: &str) -> Result<(Value, Stats), EngineError> {
    let path = format!("/containers/{}/stats?stream=false", name::container(container)?);
    let document = engine.get_within(LIMIT, &format!("measuring container {container}"), &path).await?;
    let stats = Stats::of(&document);
    Ok((document, stats))
}

impl Stats {
    #[expect(clippy::cast_precision_loss, reason = "per cent of byte counts need no more than 52 bits")]
    fn of(document: &Value) -> Self {
        let count = |path: &str| document.at(path).as_u64().unwrap_or_default();
        // The cache of files that nobody reads goes as soon as memory is short (cgroup 2 and 1 name it differently).
        let cache = count("memory_stats.stats.inactive_file").max(count("memory_stats.stats.total_inactive_file"));
        let (used, limit) = (count("memory_stats.usage"), count("memory_stats.limit"));
        let memory_usage = used.checked_sub(cache).unwrap_or(used);
        let networks = |field: &str| {
            document.fields("networks").map(|(_, network)| network.at(field).as_u64().unwrap_or_default()).sum()
        };
        Self {
            cpu_percent: cpu_percent(document),
            memory_usage,
            memory_limit: limit,
            memory_percent: if limit == 0 { 0.0 } else { memory_usage as f64 * 100.0 / limit as f64 },
            network_rx: networks("rx_bytes"),
            network_tx: networks("tx_bytes"),
        }
    }
}

/// Of the time that all cores had between the two samples, times the number of cores.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a few seconds need no more than 52 bits")]
fn cpu_percent(document: &Value) -> f64 {
    let between = |path: &str| {
        let at = |sample: &str| document.at(&format!("{sample}.{path}")).as_u64();
        Some(at("cpu_stats")?.saturating_sub(at("precpu_stats")?) as f64)
    };
    let cores = match document.number("cpu_stats.online_cpus") {
        0 => document.list("cpu_stats.cpu_usage.percpu_usage").len() as f64,
        cores => cores as f64,
    };
    match (between("cpu_usage.total_usage"), between("system_cpu_usage")) {
        (Some(own), Some(system)) if system > 0.0 => own / system * cores * 100.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s2_8_figures_are_those_of_docker_stats() {
        let document = json!({
            "cpu_stats": { "cpu_usage": { "total_usage": 600 }, "system_cpu_usage": 10_000, "online_cpus": 4 },
            "precpu_stats": { "cpu_usage": { "total_usage": 100 }, "system_cpu_usage": 8_000 },
            "memory_stats": { "usage": 300, "limit": 1_000, "stats": { "inactive_file": 100 } },
            "networks": { "eth0": { "rx_bytes": 1, "tx_bytes": 2 }, "eth1": { "rx_bytes": 10, "tx_bytes": 20 } },
        });
        let expected = Stats {
            cpu_percent: 100.0,
            memory_usage: 200,
            memory_limit: 1_000,
            memory_percent: 20.0,
            network_rx: 11,
            network_tx: 22,
        };
        assert_eq!(Stats::of(&document), expected);
    }

    #[test]
    fn what_does_not_run_uses_nothing() {
        let document = json!({ "cpu_stats": { "cpu_usage": { "total_usage": 0 } }, "memory_stats": {} });
        assert_eq!(Stats::of(&document), Stats::default());
    }
}
