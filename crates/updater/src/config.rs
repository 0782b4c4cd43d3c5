//! The updater's settings.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use homeport_service::{config::Environment, peer::SocketConfig};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::{check::CheckConfig, registry::RegistryConfig};

/// The updater's settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who may connect.
    pub socket: SocketConfig,
    /// How often it is looked for newer versions.
    pub check: CheckConfig,
    /// How registries are reached.
    pub registry: RegistryConfig,
    /// What a new version has to prove.
    pub health: HealthConfig,
    /// What becomes of a new version that does not prove itself.
    pub rollback: RollbackConfig,
    /// What is kept for later.
    pub keep: KeepConfig,
    /// How long things may take, and how many at a time.
    pub timeouts: Timeouts,
    /// How operations are carried out.
    pub operations: OperationsConfig,
    /// Scripts that are asked before updates.
    pub scripts: ScriptsConfig,
}

impl Config {
    /// Takes `CHECK_INTERVAL` and `CACHE_TTL`, which Docksmith's users have set, where Homeport's own names say nothing.
    /// As there, a text that is no duration counts as none.
    #[must_use]
    pub fn with_docksmith_names(mut self, environment: &Environment) -> Self {
        let milliseconds = |name| go_duration(environment.get(name)?);
        if self.check.interval_ms == CheckConfig::default().interval_ms {
            self.check.interval_ms = milliseconds("CHECK_INTERVAL").unwrap_or(self.check.interval_ms);
        }
        if self.registry.tags_lifetime_ms == RegistryConfig::default().tags_lifetime_ms {
            self.registry.tags_lifetime_ms = milliseconds("CACHE_TTL").unwrap_or(self.registry.tags_lifetime_ms);
        }
        self
    }
}

/// Milliseconds of a duration as Go writes it, such as `1h30m`.
fn go_duration(text: &str) -> Option<u64> {
    let duration: SignedDuration = text.parse().ok()?;
    u64::try_from(duration.as_millis()).ok().filter(|milliseconds| *milliseconds > 0)
}

/// Scripts that are asked before updates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptsConfig {
    /// Directory that they lie in; nothing outside of it is run. Default: `/scripts`.
    pub directory: PathBuf,
    /// How long one may take, in milliseconds; then it is ended with all that it started. Default: 30000.
    pub timeout_ms: u64,
    /// Whether the label `docksmith.post-update` may hold a command of a shell (`exec:…`), which then runs as the updater
    /// does. Whoever may label containers may run commands by it. Default: false.
    pub exec: bool,
}

impl Default for ScriptsConfig {
    fn default() -> Self {
        Self { directory: "/scripts".into(), timeout_ms: 30_000, exec: false }
    }
}

/// What a new version has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// How long a container must stay up without being restarted, in milliseconds, also one that passes its health
    /// check before. The label `homeport.health-window` sets it for one container. Default: 30000.
    pub stable_ms: u64,
    /// How long the published ports of a container without a health check may take until they answer as they did
    /// before the update, in milliseconds, at most 300000. Default: 30000.
    pub port_timeout_ms: u64,
    /// How long a container with a health check may take beyond its own
    /// `start_period + retries × (interval + timeout)`, in milliseconds. Default: 5000.
    pub margin_ms: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { stable_ms: 30_000, port_timeout_ms: 30_000, margin_ms: 5_000 }
    }
}

/// What becomes of a new version that does not prove itself. Every other failure is undone in any case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RollbackConfig {
    /// Whether the old version comes back by itself, with its data. Otherwise the new one stays, the update counts as
    /// failed, and a person decides. The label `homeport.auto-rollback` sets it for one container. Default: true.
    pub automatic: bool,
    /// The same for single stacks, by their names; stronger than `automatic`. Default: none.
    pub stacks: BTreeMap<String, bool>,
}

impl Default for RollbackConfig {
    fn default() -> Self {
        Self { automatic: true, stacks: BTreeMap::new() }
    }
}

/// What is kept for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepConfig {
    /// Successful updates of each container whose old image and data are kept for a rollback by hand. Default: 1.
    pub rollbacks: usize,
    /// Days after its last update that the old image and data of a container that is gone are kept. Default: 7.
    pub gone_days: u64,
    /// The largest copy of data that is made for one update, in MiB; an update that would need a larger one is refused
    /// before anything is done. The label `homeport.snapshot=off` does without a copy. Default: 0, which is no limit.
    pub snapshot_max_mib: u64,
    /// Finished operations in the history. Beyond, the oldest are forgotten, but never one whose image and data are
    /// kept. Default: 2000.
    pub operations: u32,
}

impl Default for KeepConfig {
    fn default() -> Self {
        Self { rollbacks: 1, gone_days: 7, snapshot_max_mib: 0, operations: 2_000 }
    }
}

/// How long docker-agent may take for what takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Pulling an image, in milliseconds. Default: 3600000 (1 h).
    pub pull_ms: u64,
    /// Copying data or bringing it back, in milliseconds. Default: 14400000 (4 h).
    pub snapshot_ms: u64,
    /// Stopping, starting or removing a container, its own grace period included, in milliseconds. Default: 300000.
    pub stop_ms: u64,
    /// `docker compose up` of one service, in milliseconds. Default: 600000.
    pub up_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { pull_ms: 3_600_000, snapshot_ms: 14_400_000, stop_ms: 300_000, up_ms: 600_000 }
    }
}

impl Timeouts {
    /// Pulling an image.
    pub const fn pull(&self) -> Duration {
        Duration::from_millis(self.pull_ms)
    }

    /// Copying data or bringing it back.
    pub const fn snapshot(&self) -> Duration {
        Duration::from_millis(self.snapshot_ms)
    }

    /// Stopping, starting or removing a container.
    pub const fn stop(&self) -> Duration {
        Duration::from_millis(self.stop_ms)
    }

    /// `docker compose up` of one service.
    pub const fn up(&self) -> Duration {
        Duration::from_millis(self.up_ms)
    }
}

/// How operations are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperationsConfig {
    /// Operations on different stacks that run at the same time. Default: 4.
    pub parallel: usize,
    /// Operations that may wait. A request beyond is refused. Default: 500.
    pub queue: usize,
    /// Update locks of applications are broken as if everybody had asked for it by force. Default: false.
    pub lock_override: bool,
}

impl Default for OperationsConfig {
    fn default() -> Self {
        Self { parallel: 4, queue: 500, lock_override: false }
    }
}

impl HealthConfig {
    /// The settings with what docker-agent would refuse brought down to its limit.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { port_timeout_ms: self.port_timeout_ms.min(300_000), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(config: Config, pairs: &[(&str, &str)]) -> (u64, u64) {
        let config = config.with_docksmith_names(&pairs.iter().copied().collect());
        (config.check.interval_ms / 1000, config.registry.tags_lifetime_ms / 1000)
    }

    #[test]
    fn s14_docksmiths_names_of_settings_are_taken() {
        let usual = || Config::default();
        assert_eq!(intervals(usual(), &[]), (300, 900));
        assert_eq!(intervals(usual(), &[("CHECK_INTERVAL", "1h30m"), ("CACHE_TTL", "2h")]), (5_400, 7_200));
        assert_eq!(intervals(usual(), &[("CHECK_INTERVAL", "10m0s"), ("CACHE_TTL", "1.5h")]), (600, 5_400));
        for bad in ["soon", "5", "-5m", "0s", ""] {
            assert_eq!(intervals(usual(), &[("CHECK_INTERVAL", bad), ("CACHE_TTL", bad)]), (300, 900), "{bad}");
        }
        let own = Config { check: CheckConfig { interval_ms: 60_000, ..CheckConfig::default() }, ..Config::default() };
        assert_eq!(intervals(own, &[("CHECK_INTERVAL", "1h")]).0, 60, "Homeport's own name goes before");
    }
}
