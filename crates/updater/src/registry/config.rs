//! The `[registry]` section of the updater's settings.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;

/// How registries are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryConfig {
    /// Registries, as `host` or `host:port`, that are spoken to without TLS. Default: none; those on the loopback
    /// interface are tried without TLS by themselves when TLS fails.
    pub plain_http: Vec<String>,
    /// PEM file of certificates to trust besides the public ones and the system's. Default: none.
    pub ca_file: Option<PathBuf>,
    /// Directory with a directory for each registry that has certificates of its own, as Docker has it: `*.crt` to trust,
    /// `*.cert` and `*.key` to be known by. Default: `/etc/docker/certs.d`.
    pub certs_dir: Option<PathBuf>,
    /// Where a registry is reached when not at its own name, both as `host` or `host:port`. For an updater in a
    /// container, `{"127.0.0.1:5000" = "host.docker.internal:5000"}` leads to a registry on the host's loopback.
    /// Default: none.
    pub rewrite: BTreeMap<String, String>,
    /// Longest time one request may take, in milliseconds. Default: 30000.
    pub timeout_ms: u64,
    /// Requests under way to one registry at a time. Default: 5.
    pub concurrency: usize,
    /// The same for a registry that is spoken to without TLS or is on the loopback interface. Default: 32.
    pub concurrency_local: usize,
    /// Requests to one registry in a second when it goes on for long; the first hundred are not held back, nor are those
    /// to a registry that is spoken to without TLS or is on the loopback interface. 0 does not limit them. Default: 10.
    pub per_second: u32,
    /// How often a request is tried again after an answer that says so, or none. Default: 3.
    pub retries: u32,
    /// Wait before the first retry, in milliseconds, doubled with each and spread by chance. Default: 500.
    pub retry_delay_ms: u64,
    /// Longest wait that a registry may ask for (`Retry-After`) before a request counts as failed, in milliseconds.
    /// Default: 15000.
    pub retry_after_limit_ms: u64,
    /// How long a list of tags is remembered, in milliseconds. Default: 900000 (15 min).
    pub tags_lifetime_ms: u64,
    /// How long the digest of a tag is remembered, in milliseconds. Default: 300000 (5 min).
    pub digest_lifetime_ms: u64,
    /// The same where it only gives the tag that runs a name, such as 1.26.3 for latest, in milliseconds.
    /// Default: 3600000 (1 h).
    pub name_lifetime_ms: u64,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            plain_http: Vec::new(),
            ca_file: None,
            certs_dir: Some(PathBuf::from("/etc/docker/certs.d")),
            rewrite: BTreeMap::new(),
            timeout_ms: 30_000,
            concurrency: 5,
            concurrency_local: 32,
            per_second: 10,
            retries: 3,
            retry_delay_ms: 500,
            retry_after_limit_ms: 15_000,
            tags_lifetime_ms: 900_000,
            digest_lifetime_ms: 300_000,
            name_lifetime_ms: 3_600_000,
        }
    }
}

impl RegistryConfig {
    /// Longest time one request may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Wait before the retry of the given number, counted from 0, without the chance in it.
    pub fn retry_delay(&self, retry: u32) -> Duration {
        Duration::from_millis(self.retry_delay_ms.saturating_mul(1 << retry.min(10)))
    }

    /// Longest wait that a registry may ask for.
    pub const fn retry_after_limit(&self) -> Duration {
        Duration::from_millis(self.retry_after_limit_ms)
    }

    /// How long a list of tags is remembered.
    pub const fn tags_lifetime(&self) -> Duration {
        Duration::from_millis(self.tags_lifetime_ms)
    }

    /// How long a digest is remembered that only gives a name.
    pub const fn name_lifetime(&self) -> Duration {
        Duration::from_millis(self.name_lifetime_ms)
    }

    /// How long the digest of a tag is remembered.
    pub const fn digest_lifetime(&self) -> Duration {
        Duration::from_millis(self.digest_lifetime_ms)
    }
}
