//! Settings: `db.toml` in the configuration directory, then `HOMEPORT_DB__<KEY>`.

use serde::Deserialize;

/// What is kept, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Beginnings of the topics that are kept. Default: none, which is every topic.
    pub topics: Vec<String>,
    /// Days that an event is kept. Default 30.
    pub retention_days: u32,
    /// Bytes of topics and values that are kept at most; the oldest go first. Default 268 435 456 (256 MiB).
    pub retention_bytes: u64,
    /// How often what is too old or too much is deleted, in milliseconds. Default 60 000.
    pub sweep_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { topics: Vec::new(), retention_days: 30, retention_bytes: 256 << 20, sweep_ms: 60_000 }
    }
}
