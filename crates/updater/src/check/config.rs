//! The `[check]` section of the updater's settings.

use std::time::Duration;

use serde::Deserialize;

/// How often it is looked for newer versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// Time between the end of a check and the next one, in milliseconds. Default: 300000 (5 min).
    pub interval_ms: u64,
    /// Containers that are checked at a time; how many requests that makes at one registry is its own setting. Default: 32.
    pub concurrency: usize,
    /// Tags that are asked for their digest to find the version behind a moving tag. Default: 3.
    pub resolve_limit: usize,
    /// How long a result is kept when a registry cannot be asked, in milliseconds. Default: 86400000 (24 h).
    pub stale_limit_ms: u64,
}

impl Default for CheckConfig {
    fn default() -> Self {
        Self { interval_ms: 300_000, concurrency: 32, resolve_limit: 3, stale_limit_ms: 86_400_000 }
    }
}

impl CheckConfig {
    /// Time between the end of a check and the next one, at least a second.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.max(1000))
    }

    /// How long a result is kept when a registry cannot be asked.
    pub const fn stale_limit(&self) -> Duration {
        Duration::from_millis(self.stale_limit_ms)
    }
}
